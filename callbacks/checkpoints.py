"""Checkpoints every so many updates."""

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


class Checkpoints(ModelCheckpoint):
    """Saves every ``every`` updates, and before each validation, so that a signal may cut the validation short.

    After a resume Lightning's callback doesn't know what it has saved. With accumulation it would save the update that
    it resumed from once more after the first micro-batch, whose gradients are in no checkpoint.
    """

    def __init__(self, folder: Path, every: int, validate_every: int) -> None:
        super().__init__(folder, "{step:08d}", every_n_train_steps=every, save_top_k=-1)
        self.folder, self.validate_every = folder, validate_every

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._last_global_step_saved = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        update = trainer.global_step
        if update % self.validate_every == 0 and update != self._last_global_step_saved:
            trainer.save_checkpoint(self.folder / f"step={update:08d}.ckpt")
            self._last_global_step_saved = update
