"""Rows of shards for the training and evaluation of priors, whatever a row holds."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

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
MakeBatch = Callable[[np.ndarray, np.ndarray, Sequence[np.random.Generator]], Batch]
"""(one view of each row, their labels, random numbers of each row's own) to what the training is given."""


class ShardRows:
    """The rows of one split: ``values`` (M, V, ...) of the array ``name``, and ``labels`` (M,)."""

    def __init__(self, folder: Path, split: str, name: str) -> None:
        self.name = name
        self.values = ShardReader(sorted((folder / split).glob(f"{name}-*.npy")))
        self.labels = read_array(folder / split / "labels.npy")

    def __len__(self) -> int:
        return len(self.values)


class BatchDataset(Dataset[Batch]):
    """Items that are made many at a time: to stack single ones takes longer than to make them."""

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Returns the items of ``indices``, stacked. A loader whose ``collate_fn`` is ``as_it_is`` calls it."""
        raise NotImplementedError

    def __getitem__(self, index: int) -> Batch:
        return {name: values[0] for name, values in self.__getitems__([index]).items()}


def as_it_is(batch: Any) -> Any:
    """Returns the batch, which is stacked already."""
    return batch


class TrainingRows(BatchDataset):
    """Rows by global position: a random view of the image there, and random numbers of its own.

    With ``class_balanced`` the classes take turns, each with its own permutations; else all images share one.
    """

    def __init__(self, rows: ShardRows, make_batch: MakeBatch, seed: int, class_balanced: bool = False) -> None:
        self.rows, self.make_batch, self.seed = rows, make_batch, seed
        labels = np.asarray(rows.labels)
        self.groups = [np.arange(len(rows))]
        if class_balanced:
            self.groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        self.permutations = [Permutations(len(group), mix(seed, "group", i)) for i, group in enumerate(self.groups)]

    def row(self, position: int) -> int:
        """Returns the row at a global position."""
        turn, group = divmod(position, len(self.groups))
        return int(self.groups[group][self.permutations[group][turn]])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Returns what ``make_batch`` makes of the rows at these positions, and the positions."""
        rows = np.array([self.row(position) for position in indices])
        random = [np.random.Generator(np.random.PCG64(mix(self.seed, self.rows.name, place))) for place in indices]
        number = self.rows.values.shape[0]
        views = np.array([numbers.integers(number) for numbers in random])
        labels = np.asarray(self.rows.labels[rows], dtype=np.int64)
        batch = self.make_batch(self.rows.values.of_each(rows, views), labels, random)
        return {**batch, "position": torch.tensor(list(indices))}


class EvaluationRows(BatchDataset):
    """The first view of each image by its row, with the same random numbers every time."""

    def __init__(self, rows: ShardRows, make_batch: MakeBatch, seed: int) -> None:
        self.rows, self.make_batch, self.seed = rows, make_batch, seed

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        rows = np.array(indices)
        random = [np.random.Generator(np.random.PCG64(mix(self.seed, "val", row))) for row in indices]
        labels = np.asarray(self.rows.labels[rows], dtype=np.int64)
        return self.make_batch(self.rows.values.of_each(rows, np.zeros_like(rows)), labels, random)


class Rows(LightningDataModule):
    """Endless training rows, and the whole val split; ``batch_size`` is that of one device."""

    def __init__(
        self,
        train: ShardRows,
        val: ShardRows,
        make_batch: MakeBatch,
        *,
        batch_size: int,
        accumulation: int,
        seed: int,
        workers: int,
        class_balanced: bool = False,
    ) -> None:
        super().__init__()
        self.train, self.val, self.make_batch, self.seed = train, val, make_batch, seed
        self.batch_size, self.accumulation, self.workers = batch_size, accumulation, workers
        self.class_balanced = class_balanced

    def training_rows(self) -> Dataset[Batch]:
        """Returns what training sees, by global position."""
        return TrainingRows(self.train, self.make_batch, self.seed, self.class_balanced)

    def train_dataloader(self) -> DataLoader[Batch]:
        return endless_loader(
            self.trainer,
            self.training_rows(),
            batch_size=self.batch_size,
            accumulation=self.accumulation,
            workers=self.workers,
            collate_fn=as_it_is,
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        sampler = StridedSampler(np.arange(len(self.val)), self.trainer.global_rank, self.trainer.world_size)
        samples = EvaluationRows(self.val, self.make_batch, self.seed)
        return DataLoader(samples, batch_size=self.batch_size, sampler=sampler, collate_fn=as_it_is)
