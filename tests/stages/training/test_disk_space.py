"""What checkpoints take on the disk."""

import shutil
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from configs.schema.training import OptimizerConfig, TrainingConfig
from lit_modules.training import LitTraining
from stages.training.disk_space import check_room, checkpoint_bytes


class Wide(LitTraining):
    """A million weights under Adam."""

    def __init__(self) -> None:
        training = TrainingConfig(updates=1, batch_size=1)
        super().__init__(nn.Linear(1000, 1000), training, [OptimizerConfig(lr=0.1)], fused=False)

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        self.optimise(self.network(batch).mean(), batch_idx)


def test_the_size_foretold_is_that_of_a_real_checkpoint(tmp_path: Path) -> None:
    module = Wide()
    foretold = checkpoint_bytes(module)
    trainer = Trainer(
        max_steps=1, max_epochs=-1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(module, DataLoader(torch.ones(1, 1000), batch_size=1))
    trainer.save_checkpoint(tmp_path / "step=00000001.ckpt")
    assert foretold == pytest.approx((tmp_path / "step=00000001.ckpt").stat().st_size, rel=0.01)
    assert foretold == pytest.approx(4 * 4 * 1_001_000, rel=0.01)  # weights, average, two moments, of 4 bytes each


def test_a_disk_without_room_for_three_is_refused_before_the_first_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, folder = Wide(), tmp_path / "checkpoints"
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("stages.training.disk_space.shutil.disk_usage", lambda _: usage._replace(free=40_000_000))
    with pytest.raises(ValueError, match=r"checkpoints: checkpoints of [\d.]+ MB need [\d.]+ MB, [\d.]+ MB are free"):
        check_room(module, folder)
    folder.mkdir()
    (folder / "step=00000005.ckpt").write_bytes(b"")  # one of the three is there already
    check_room(module, folder)
