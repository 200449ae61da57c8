"""What a launcher promised, and checkpoints."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from stages.training.checkpoints import PARTS, Generations, generations, newest_checkpoint
from stages.training.trainer import check_world_size


@pytest.mark.parametrize(
    ("variables", "wanted", "right"),
    [
        ({}, 1, True), ({}, 2, False),
        ({"WORLD_SIZE": "2"}, 2, True), ({"WORLD_SIZE": "2"}, 1, False),
        ({"SLURM_NTASKS": "2", "SLURM_STEP_ID": "0"}, 2, True), ({"SLURM_NTASKS": "2", "SLURM_STEP_ID": "0"}, 1, False),
        ({"SLURM_NTASKS": "2"}, 1, True),  # a batch script's own process
        ({"SLURM_NTASKS": "2"}, 2, False),
    ],
)  # fmt: skip
def test_world_size_is_what_the_launcher_started(
    variables: dict[str, str], wanted: int, right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WORLD_SIZE", "SLURM_NTASKS", "SLURM_STEP_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if right:
        check_world_size(wanted)
    else:
        with pytest.raises(ValueError, match=r"the launcher started \d processes, the recipe asks for \d"):
            check_world_size(wanted)


def training(**more: Any) -> dict[str, Any]:
    """Returns a checkpoint with all parts of a training, and more."""
    return dict.fromkeys(PARTS, 0) | more


def test_two_generations_are_kept_and_the_clock_does_not_matter(tmp_path: Path) -> None:
    io = Generations()
    for step, name in ((5, "step=00000005"), (10, "step=00000010"), (12, "stopped-step=00000012")):
        io.save_checkpoint(training(step=step), tmp_path / f"{name}.ckpt")
    os.utime(tmp_path / "step=00000010.ckpt", (2e9, 2e9))  # written before the clock was set back
    assert [path.name for path in generations(tmp_path)] == ["step=00000010.ckpt", "stopped-step=00000012.ckpt"]
    newest = newest_checkpoint(tmp_path)
    assert newest and io.load_checkpoint(newest)["step"] == 12


def test_a_half_written_checkpoint_is_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    io = Generations()
    io.save_checkpoint(training(a=1), tmp_path / "step=00000001.ckpt")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("stages.training.checkpoints.os.fsync", full)
    with pytest.raises(ValueError, match=r"step=00000002\.ckpt: cannot save \(No space left on device\)"):
        io.save_checkpoint(training(a=2), tmp_path / "step=00000002.ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["step=00000001.ckpt"]


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    io, file = Generations(), tmp_path / "step=00000001.ckpt"
    io.save_checkpoint(training(a=torch.ones(1000)), file)
    for data in (b"", b"no zip", file.read_bytes()[:-500]):
        file.write_bytes(data)
        with pytest.raises(ValueError, match=r"step=00000001\.ckpt: not a readable checkpoint .*delete it"):
            io.load_checkpoint(file)
