"""Checkpoints every so many updates."""

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


class Checkpoints(ModelCheckpoint):
    """Lightning's, which after a resume doesn't know what it saved before: with accumulation it would save the update
    that it came from once more after the first micro-batch, whose gradients are in no checkpoint."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._last_global_step_saved = trainer.global_step
