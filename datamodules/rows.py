"""Rows of shards for the training and evaluation of priors, whatever a row holds."""

from collections.abc import Callable
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
MakeItem = Callable[[np.ndarray, int, np.random.Generator], Batch]
"""(one view of a row, its label, random numbers of its own) to what the training is given."""


class ShardRows:
    """The rows of one split: ``values`` (M, V, ...) of the array ``name``, and ``labels`` (M,)."""

    def __init__(self, folder: Path, split: str, name: str) -> None:
        self.name = name
        self.values = ShardReader(sorted((folder / split).glob(f"{name}-*.npy")))
        self.labels = read_array(folder / split / "labels.npy")

    def __len__(self) -> int:
        return len(self.values)


class TrainingRows(Dataset[Batch]):
    """Rows by global position: a random view of the image there, and random numbers of its own.

    With ``class_balanced`` the classes take turns, each with its own permutations; else all images share one.
    """

    def __init__(self, rows: ShardRows, make_item: MakeItem, seed: int, class_balanced: bool = False) -> None:
        self.rows, self.make_item, self.seed = rows, make_item, seed
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
        """Returns what ``make_item`` makes of the row, and its position."""
        row = self.row(position)
        random = np.random.Generator(np.random.PCG64(mix(self.seed, self.rows.name, position)))
        views = self.rows.values[row]
        item = self.make_item(views[int(random.integers(len(views)))], int(self.rows.labels[row]), random)
        return {**item, "position": torch.tensor(position)}


class EvaluationRows(Dataset[Batch]):
    """The first view of each image by its row, with the same random numbers every time."""

    def __init__(self, rows: ShardRows, make_item: MakeItem, seed: int) -> None:
        self.rows, self.make_item, self.seed = rows, make_item, seed

    def __getitem__(self, row: int) -> Batch:
        random = np.random.Generator(np.random.PCG64(mix(self.seed, "val", row)))
        return self.make_item(self.rows.values[row][0], int(self.rows.labels[row]), random)


class Rows(LightningDataModule):
    """Endless training rows, and the whole val split; ``batch_size`` is that of one device."""

    def __init__(
        self,
        train: ShardRows,
        val: ShardRows,
        make_item: MakeItem,
        *,
        batch_size: int,
        accumulation: int,
        seed: int,
        workers: int,
        class_balanced: bool = False,
    ) -> None:
        super().__init__()
        self.train, self.val, self.make_item, self.seed = train, val, make_item, seed
        self.batch_size, self.accumulation, self.workers = batch_size, accumulation, workers
        self.class_balanced = class_balanced

    def training_rows(self) -> Dataset[Batch]:
        """Returns what training sees, by global position."""
        return TrainingRows(self.train, self.make_item, self.seed, self.class_balanced)

    def train_dataloader(self) -> DataLoader[Batch]:
        return endless_loader(
            self.trainer,
            self.training_rows(),
            batch_size=self.batch_size,
            accumulation=self.accumulation,
            workers=self.workers,
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        sampler = StridedSampler(np.arange(len(self.val)), self.trainer.global_rank, self.trainer.world_size)
        samples = EvaluationRows(self.val, self.make_item, self.seed)
        return DataLoader(samples, batch_size=self.batch_size, sampler=sampler)
