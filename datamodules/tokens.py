"""Tokens for the training and evaluation of priors, read from shards."""

from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.arrays import read_array
from datamodules.endless import endless_loader
from datamodules.sampler import Permutations, StridedSampler
from datamodules.shards import ShardReader
from smalti.seeds import mix

Batch = dict[str, Tensor]


class TokenRows:
    """The tokens of one split: ``tokens`` (M, V, N) or (M, V, k, N) and ``labels`` (M,)."""

    def __init__(self, folder: Path, split: str) -> None:
        self.tokens = ShardReader(sorted((folder / split).glob("tokens-*.npy")))
        self.labels = read_array(folder / split / "labels.npy")

    def __len__(self) -> int:
        return len(self.tokens)


class TrainingTokens(Dataset[Batch]):
    """Tokens by global position: a random view of the image there, and noise of its own.

    With ``class_balanced`` the classes take turns, each with its own permutations; else all images share one.
    """

    def __init__(self, rows: TokenRows, seed: int, class_balanced: bool = False) -> None:
        self.rows, self.seed = rows, seed
        labels = np.asarray(rows.labels)
        self.groups = [np.arange(len(rows))]
        if class_balanced:
            self.groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        self.permutations = [Permutations(len(group), mix(seed, "group", i)) for i, group in enumerate(self.groups)]

    def row(self, position: int) -> int:
        """Returns the row at a global position."""
        turn, group = divmod(position, len(self.groups))
        return int(self.groups[group][self.permutations[group][turn]])

    def __getitem__(self, position: int) -> Batch:
        """Returns tokens int64 (k, N), labels or -1, position, and float32 uniform in [0, 1): noise (2,), for the label
        and for the share of masked tokens, and token_noise (2, k, N), two numbers for each token."""
        row = self.row(position)
        random = np.random.Generator(np.random.PCG64(mix(self.seed, "tokens", position)))
        views = self.rows.tokens[row]
        item = _item(views[int(random.integers(len(views)))], self.rows.labels[row], random)
        return {**item, "position": torch.tensor(position)}


class EvaluationTokens(Dataset[Batch]):
    """The first view of each image by its row, with the same noise every time."""

    def __init__(self, rows: TokenRows, seed: int) -> None:
        self.rows, self.seed = rows, seed

    def __getitem__(self, row: int) -> Batch:
        random = np.random.Generator(np.random.PCG64(mix(self.seed, "val", row)))
        return _item(self.rows.tokens[row][0], self.rows.labels[row], random)


def _item(tokens: np.ndarray, label: int, random: np.random.Generator) -> Batch:
    return {
        "tokens": torch.from_numpy(tokens.astype(np.int64)).view(-1, tokens.shape[-1]),
        "labels": torch.tensor(int(label)),
        "noise": torch.from_numpy(random.random(2, dtype=np.float32)),
        "token_noise": torch.from_numpy(random.random(2 * tokens.size, dtype=np.float32)).view(2, -1, tokens.shape[-1]),
    }


class Tokens(LightningDataModule):
    """Endless training tokens, and the whole val split; ``batch_size`` is that of one device."""

    def __init__(
        self,
        train: TokenRows,
        val: TokenRows,
        *,
        batch_size: int,
        accumulation: int,
        seed: int,
        workers: int,
        class_balanced: bool = False,
    ) -> None:
        super().__init__()
        self.train, self.val, self.seed, self.class_balanced = train, val, seed, class_balanced
        self.batch_size, self.accumulation, self.workers = batch_size, accumulation, workers

    def training_tokens(self) -> Dataset[Batch]:
        """Returns what training sees, by global position."""
        return TrainingTokens(self.train, self.seed, self.class_balanced)

    def train_dataloader(self) -> DataLoader[Batch]:
        return endless_loader(
            self.trainer,
            self.training_tokens(),
            batch_size=self.batch_size,
            accumulation=self.accumulation,
            workers=self.workers,
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        sampler = StridedSampler(np.arange(len(self.val)), self.trainer.global_rank, self.trainer.world_size)
        return DataLoader(EvaluationTokens(self.val, self.seed), batch_size=self.batch_size, sampler=sampler)
