"""Indices and balanced labels of the samples to draw."""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.sampler import StridedSampler


class SampleIndices(Dataset[dict[str, Tensor]]):
    """Sample i has label i mod num_classes, so that the first n samples are balanced for any n.

    Without classes all labels are 0, which then means "no class".
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes

    def label(self, index: int) -> int:
        return index % self.num_classes if self.num_classes else 0

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"index": torch.tensor(index), "labels": torch.tensor(self.label(index))}


def sample_loader(
    samples: SampleIndices, indices: np.ndarray, batch_size: int, rank: int, world_size: int
) -> DataLoader[dict[str, Tensor]]:
    """Returns a loader that visits each of ``indices`` exactly once over all ranks."""
    return DataLoader(samples, batch_size=batch_size, sampler=StridedSampler(indices, rank, world_size))
