"""Images for training and evaluation, read by the index of stage data."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from configs.schema.training import LoadingConfig
from datamodules.augmentation import square_anywhere, training_crop
from datamodules.endless import endless_loader
from datamodules.index import ImageIndex, Split
from datamodules.sampler import Permutations, StridedSampler
from datamodules.workers import leave_signals_to_the_stage
from smalti.images import Corner, UnreadableImage, crop, resize_short_side
from smalti.pixels import from_uint8
from smalti.seeds import mix

Batch = dict[str, Tensor]


def to_tensor(image: Image.Image) -> Tensor:
    """Returns the picture as uint8 (3, H, W)."""
    return torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())


def to_unit_range(batch: Batch) -> Batch:
    """Returns the batch with uint8 ``images`` as float32 in [-1, 1]."""
    return {**batch, "images": from_uint8(batch["images"])}


class TrainingImages(Dataset[Batch]):
    """Augmented training images, indexed by global position.

    The next readable image of the permutation replaces one that can't be read.
    """

    def __init__(self, index: ImageIndex, loading: LoadingConfig, seed: int) -> None:
        self.index, self.loading, self.seed = index, loading, seed
        self.members = index.members("train")
        self.permutations = Permutations(len(self.members), seed)

    def __getitem__(self, position: int) -> Batch:
        """Returns images uint8 (3, H, W), labels, position, and ``unreadable``: the index of the replaced image, or -1.

        If several in a row can't be read, each is named at its own position.
        """
        for skipped in range(len(self.members)):
            index = int(self.members[self.permutations[position + skipped]])
            try:
                image = self.index.picture(index)
                break
            except (UnreadableImage, OSError):
                continue
        else:
            raise ValueError(f"data root {self.index.root}: not one image of the train split can be read")
        random = np.random.Generator(np.random.PCG64(mix(self.seed, "augment", position)))
        image = training_crop(image, self.index.facts.image_size, self.loading, random)
        if self.loading.flip and random.random() < 0.5:
            image = ImageOps.mirror(image)
        return {
            "images": to_tensor(image),
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
            image = resize_short_side(self.index.picture(index), self.square)
            square = crop(image, self.square)
            random = np.random.Generator(np.random.PCG64(mix("view", index)))
            views = [
                square_anywhere(image, self.size, random) if name == "random" else crop(square, self.size, name)
                for name in self.crops
            ]
            readable = True
        except (UnreadableImage, OSError):
            views = [Image.new("RGB", (self.size, self.size))] * len(self.crops)
            readable = False
        if self.flip:
            views = [image for view in views for image in (view, ImageOps.mirror(view))]
        return {
            "images": torch.stack([to_tensor(view) for view in views]),
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
