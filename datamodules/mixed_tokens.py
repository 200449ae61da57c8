"""Tokens of two images and the share of each, for mixup."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.rows import Batch, BatchDataset, Rows, ShardRows, TrainingRows
from datamodules.tokens import token_batch
from smalti.seeds import mix


class MixedTokens(BatchDataset):
    """Training tokens by global position, each with a partner from another permutation of the same images.

    A partner is no neighbour in the batch, so that pairs and shares don't depend on the number of devices.
    """

    def __init__(self, rows: ShardRows, seed: int, mixup: float) -> None:
        self.seed, self.mixup = seed, mixup
        self.samples = TrainingRows(rows, token_batch, seed)
        self.partners = TrainingRows(rows, token_batch, mix(seed, "partners"))

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Returns what token_batch does, partner_tokens int64 (B, k, N), partner_labels (B,), and the first image's
        share (B,), float32 in [0, 1] by Beta(mixup, mixup)."""
        partners = self.partners.__getitems__(indices)
        random = [np.random.Generator(np.random.PCG64(mix(self.seed, "mixup", position))) for position in indices]
        shares = [numbers.beta(self.mixup, self.mixup) for numbers in random]
        return {
            **self.samples.__getitems__(indices),
            "partner_tokens": partners["tokens"],
            "partner_labels": partners["labels"],
            "share": torch.tensor(shares, dtype=torch.float32),
        }


class LabelledTokens(Rows):
    """Endless training tokens, in pairs unless ``mixup`` is 0, and the whole val split; ``batch_size`` is that of one
    device."""

    def __init__(
        self, folder: Path, *, batch_size: int, accumulation: int, seed: int, workers: int, mixup: float
    ) -> None:
        train, val = ShardRows(folder, "train", "tokens"), ShardRows(folder, "val", "tokens")
        super().__init__(
            train, val, token_batch, batch_size=batch_size, accumulation=accumulation, seed=seed, workers=workers
        )
        self.mixup = mixup

    def training_rows(self) -> Dataset[Batch]:
        return MixedTokens(self.train, self.seed, self.mixup) if self.mixup else super().training_rows()
