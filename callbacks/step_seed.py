"""Randomness as a function of the update."""

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class StepSeed(Callback):
    """Seeds torch before each training batch, so that dropout after a resume is what it would have been without."""

    def __init__(self, seed_of: Callable[[int, int], int]) -> None:
        """
        Args:
            seed_of: maps (batch number, rank) to a seed.
        """
        self.seed_of = seed_of

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, batch_idx: int) -> None:
        torch.manual_seed(self.seed_of(batch_idx, trainer.global_rank))
