"""Images of which generation is scored: samples, and the real images that they are compared with."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from configs.schema.generation import GenerationConfig
from configs.schema.scores import ScoresConfig
from datamodules.arrays import read_array
from datamodules.images import EvaluationImages
from datamodules.index import ImageIndex
from datamodules.shards import ShardReader
from smalti.artifact import Artifact

Batch = dict[str, Tensor]


def reference_members(index: ImageIndex, config: GenerationConfig) -> np.ndarray:
    """Returns the images that samples are compared with, in an order of their own seed."""
    members = np.arange(len(index.splits)) if config.reference == "all" else index.members(config.reference)
    return _shuffled(members)[: config.reference_images]


def manifold_members(index: ImageIndex, config: ScoresConfig) -> np.ndarray:
    """Returns those of them whose neighbours give precision, recall, density and coverage."""
    return reference_members(index, config)[: config.manifold_images]


def classifier_members(index: ImageIndex, config: GenerationConfig) -> np.ndarray:
    """Returns the train images that the class judge is fitted to; none of data with fewer than two classes, of which
    there is no judge."""
    if len(index.facts.class_names) < 2:
        return np.zeros(0, dtype=np.int64)
    return _shuffled(index.members("train"))[: config.classifier_images]


def _shuffled(members: np.ndarray) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(0)).permutation(members)


class RealImages(Dataset[Batch]):
    """The images of an index: ``compare`` marks those that samples are compared with, ``manifold`` those of them whose
    neighbours count, ``classify`` those to which the class judge is fitted; ``members`` is each of all once."""

    def __init__(self, index: ImageIndex, compared: np.ndarray, classified: np.ndarray, manifold: np.ndarray) -> None:
        self.images = EvaluationImages(index)
        self.marks = {name: np.zeros(len(index.splits), dtype=bool) for name in ("compare", "classify", "manifold")}
        for name, members in (("compare", compared), ("classify", classified), ("manifold", manifold)):
            self.marks[name][members] = True
        self.members = np.concatenate([compared, classified[~self.marks["compare"][classified]]])

    def __getitem__(self, index: int) -> Batch:
        return {**self.images[index], **{name: torch.tensor(marked[index]) for name, marked in self.marks.items()}}


class SampleImages(Dataset[Batch]):
    """The samples of one prior, decoded by the decoder of the given number."""

    def __init__(self, reader: ShardReader, labels: np.ndarray, decoder: int) -> None:
        self.reader, self.labels, self.decoder = reader, labels, decoder

    def __len__(self) -> int:
        return len(self.reader)

    def __getitem__(self, row: int) -> Batch:
        image = torch.from_numpy(self.reader[row][self.decoder].copy())
        yes, label = torch.tensor(True), torch.tensor(int(self.labels[row]))
        marks = {"readable": yes, "compare": yes, "classify": yes, "manifold": yes}
        return {"images": image[None], "labels": label, "index": torch.tensor(row), **marks}


def sample_images(samples: Artifact) -> Iterator[tuple[str, SampleImages]]:
    """Yields the samples of each prior, decoded by each decoder, and their name, such as "ar/phase1"."""
    labels = read_array(samples.file("labels.npy"))
    for prior in samples.facts["priors"]:
        reader = ShardReader(sorted((samples.path / prior).glob("images-*.npy")))
        for number, decoder in enumerate(samples.facts["decoders"]):
            yield f"{prior}/{decoder}", SampleImages(reader, labels, number)
