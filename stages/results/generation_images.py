"""Images of which generation is scored: samples, and the train images that they are compared with."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from configs.schema.scores import ScoresConfig
from datamodules.arrays import read_array
from datamodules.images import EvaluationImages
from datamodules.index import ImageIndex
from datamodules.shards import ShardReader
from smalti.artifact import Artifact

Batch = dict[str, Tensor]


def reference_members(index: ImageIndex, config: ScoresConfig) -> np.ndarray:
    """Returns the train images that samples are compared with, in an order of their own seed."""
    order = np.random.Generator(np.random.PCG64(0)).permutation(index.members("train"))
    return order if config.reference_images is None else order[: config.reference_images]


class ReferenceImages(Dataset[Batch]):
    """Train images; ``classify`` marks the ``chosen`` ones, to which the class judge is fitted."""

    def __init__(self, images: EvaluationImages, chosen: np.ndarray) -> None:
        self.images, self.chosen = images, set(chosen.tolist())

    def __getitem__(self, index: int) -> Batch:
        return {**self.images[index], "classify": torch.tensor(index in self.chosen)}


class SampleImages(Dataset[Batch]):
    """The samples of one prior, decoded by the decoder of the given number."""

    def __init__(self, reader: ShardReader, labels: np.ndarray, decoder: int) -> None:
        self.reader, self.labels, self.decoder = reader, labels, decoder

    def __len__(self) -> int:
        return len(self.reader)

    def __getitem__(self, row: int) -> Batch:
        image = torch.from_numpy(self.reader[row][self.decoder].copy())
        yes, label = torch.tensor(True), torch.tensor(int(self.labels[row]))
        return {"images": image[None], "labels": label, "index": torch.tensor(row), "readable": yes, "classify": yes}


def sample_images(samples: Artifact) -> Iterator[tuple[str, SampleImages]]:
    """Yields the samples of each prior, decoded by each decoder, and their name, such as "ar/phase1"."""
    labels = read_array(samples.file("labels.npy"))
    for prior in samples.facts["priors"]:
        reader = ShardReader(sorted((samples.path / prior).glob("images-*.npy")))
        for number, decoder in enumerate(samples.facts["decoders"]):
            yield f"{prior}/{decoder}", SampleImages(reader, labels, number)
