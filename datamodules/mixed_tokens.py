"""Tokens of two images and the share of each, for mixup."""

from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.rows import Batch, Rows, ShardRows, TrainingRows
from datamodules.tokens import token_item
from smalti.seeds import mix


class MixedTokens(Dataset[Batch]):
    """Training tokens by global position, each with a partner from another permutation of the same images.

    A partner is no neighbour in the batch, so that pairs and shares don't depend on the number of devices.
    """

    def __init__(self, rows: ShardRows, seed: int, mixup: float) -> None:
        self.seed, self.mixup = seed, mixup
        self.samples = TrainingRows(rows, token_item, seed)
        self.partners = TrainingRows(rows, token_item, mix(seed, "partners"))

    def __getitem__(self, position: int) -> Batch:
        """Returns what token_item does, partner_tokens int64 (k, N), partner_labels, and the first image's share,
        float32 in [0, 1] by Beta(mixup, mixup)."""
        partner = self.partners[position]
        random = np.random.Generator(np.random.PCG64(mix(self.seed, "mixup", position)))
        share = torch.tensor(random.beta(self.mixup, self.mixup), dtype=torch.float32)
        return {
            **self.samples[position],
            "partner_tokens": partner["tokens"],
            "partner_labels": partner["labels"],
            "share": share,
        }


class LabelledTokens(Rows):
    """Endless training tokens, in pairs unless ``mixup`` is 0, and the whole val split; ``batch_size`` is that of one
    device."""

    def __init__(
        self, folder: Path, *, batch_size: int, accumulation: int, seed: int, workers: int, mixup: float
    ) -> None:
        train, val = ShardRows(folder, "train", "tokens"), ShardRows(folder, "val", "tokens")
        super().__init__(
            train, val, token_item, batch_size=batch_size, accumulation=accumulation, seed=seed, workers=workers
        )
        self.mixup = mixup

    def training_rows(self) -> Dataset[Batch]:
        return MixedTokens(self.train, self.seed, self.mixup) if self.mixup else super().training_rows()
