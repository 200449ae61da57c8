"""Indices and balanced labels of the samples to draw."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.sampler import StridedSampler


class SampleIndices(Dataset[dict[str, Tensor]]):
    """Sample i has the label i mod n of n ``labels``, so that the first samples are balanced, however many there are.

    Without classes there is one label, 0, which then means "no class".
    """

    def __init__(self, labels: Sequence[int]) -> None:
        self.labels = list(labels) or [0]

    def label(self, index: int) -> int:
        return self.labels[index % len(self.labels)]

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"index": torch.tensor(index), "labels": torch.tensor(self.label(index))}


def sample_loader(
    samples: SampleIndices, indices: np.ndarray, batch_size: int, rank: int, world_size: int
) -> DataLoader[dict[str, Tensor]]:
    """Returns a loader that visits each of ``indices`` exactly once over all ranks."""
    return DataLoader(samples, batch_size=batch_size, sampler=StridedSampler(indices, rank, world_size))
