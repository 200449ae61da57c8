"""Images for training and evaluation, read by the index of stage data."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from configs.schema.training import LoadingConfig
from datamodules.augmentation import square_anywhere, square_at, training_side, training_square
from datamodules.decoders import DECODERS, by_pillow
from datamodules.endless import endless_loader
from datamodules.index import ImageIndex, Split
from datamodules.sampler import Permutations, StridedSampler
from datamodules.workers import leave_signals_to_the_stage
from smalti.images import Corner, UnreadableImage
from smalti.pixels import from_uint8
from smalti.seeds import mix

Batch = dict[str, Tensor]


def to_unit_range(batch: Batch) -> Batch:
    """Returns the batch with uint8 ``images`` as float32 in [-1, 1]."""
    return {**batch, "images": from_uint8(batch["images"])}


class TrainingImages(Dataset[Batch]):
    """Augmented training images, indexed by global position.

    The next readable image of the permutation replaces one that can't be read.
    """

    def __init__(self, index: ImageIndex, loading: LoadingConfig, seed: int) -> None:
        self.index, self.loading, self.seed = index, loading, seed
        self.decode = DECODERS[loading.decoder]
        self.members = index.members("train")
        self.permutations = Permutations(len(self.members), seed)

    def __getitem__(self, position: int) -> Batch:
        """Returns images uint8 (3, H, W), labels, position, and ``unreadable``: the index of the replaced image, or -1.

        If several in a row can't be read, each is named at its own position.
        """
        size = self.index.facts.image_size
        random = np.random.Generator(np.random.PCG64(mix(self.seed, "augment", position)))
        side = training_side(size, self.loading, random)
        for skipped in range(len(self.members)):
            index = int(self.members[self.permutations[position + skipped]])
            try:
                image = self.decode(self.index.read(index), side, self.index.facts.upright)
                break
            except (UnreadableImage, OSError):
                continue
        else:
            raise ValueError(f"data root {self.index.root}: not one image of the train split can be read")
        return {
            "images": training_square(image, size, self.loading, random).contiguous(),
            "labels": torch.tensor(int(self.index.labels[index])),
            "unreadable": torch.tensor(int(self.members[self.permutations[position]]) if skipped else -1),
            "position": torch.tensor(position),
        }


class EvaluationImages(Dataset[Batch]):
    """Images by index, each in V fixed views: ``crops`` of a centred square whose side is ``resize_range`` times as
    long, and with ``flip`` the mirror image of each.

    A random crop lies anywhere in the image, at the same scale; where, is a function of the image's index and of how
    many random ones there were before. An image that can't be read comes as black and is marked.
    """

    def __init__(
        self,
        index: ImageIndex,
        crops: Sequence[Corner | Literal["random"]] = ("centre",),
        resize_range: float = 1.0,
        flip: bool = False,
    ) -> None:
        self.index, self.crops, self.flip = index, crops, flip
        self.size = index.facts.image_size
        self.square = int(self.size * resize_range)  # LlamaGen's rounding

    def __getitem__(self, index: int) -> Batch:
        """Returns images uint8 (V, 3, H, W), labels, index, and whether the image is ``readable``."""
        try:
            image = by_pillow(self.index.read(index), self.square, self.index.facts.upright)
            square = square_at(image, self.square)
            random = np.random.Generator(np.random.PCG64(mix("view", index)))
            views = [
                square_anywhere(image, self.size, random) if name == "random" else square_at(square, self.size, name)
                for name in self.crops
            ]
            readable = True
        except (UnreadableImage, OSError):
            views = [torch.zeros(3, self.size, self.size, dtype=torch.uint8)] * len(self.crops)
            readable = False
        if self.flip:
            views = [image for view in views for image in (view, view.flip(-1))]
        return {
            "images": torch.stack(views),
            "labels": torch.tensor(int(self.index.labels[index])),
            "index": torch.tensor(index),
            "readable": torch.tensor(readable),
        }


def evaluation_loader(
    images: EvaluationImages, indices: np.ndarray, batch_size: int, workers: int, rank: int, world_size: int
) -> DataLoader[Batch]:
    """Returns a loader that visits each of ``indices`` exactly once over all ranks."""
    sampler = StridedSampler(indices, rank, world_size)
    return DataLoader(
        images, batch_size, sampler=sampler, num_workers=workers, worker_init_fn=leave_signals_to_the_stage
    )


class Images(LightningDataModule):
    """Endless training images, and the whole val split; ``batch_size`` is that of one device.

    The position to start at follows from the trainer's updates, so that a resumed run continues with the next sample.
    """

    def __init__(
        self, index: ImageIndex, loading: LoadingConfig, *, batch_size: int, accumulation: int, seed: int, workers: int
    ) -> None:
        super().__init__()
        self.index, self.loading, self.seed = index, loading, seed
        self.batch_size, self.accumulation, self.workers = batch_size, accumulation, workers

    def train_dataloader(self) -> DataLoader[Batch]:
        samples = TrainingImages(self.index, self.loading, self.seed)
        return endless_loader(
            self.trainer,
            samples,
            batch_size=self.batch_size,
            accumulation=self.accumulation,
            workers=self.workers,
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        return self.evaluation("val")

    def evaluation(self, split: Split) -> DataLoader[Batch]:
        """Returns a loader over a whole split, one centre crop for each image."""
        assert self.trainer is not None
        return evaluation_loader(
            EvaluationImages(self.index), self.index.members(split), self.batch_size * self.accumulation, self.workers,
            self.trainer.global_rank, self.trainer.world_size,
        )  # fmt: skip

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Any:
        return to_unit_range(batch)
