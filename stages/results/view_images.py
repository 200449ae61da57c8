"""The images that views are of."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from datamodules.images import EvaluationImages, to_unit_range
from datamodules.index import ImageIndex, Split
from stages.results.published import spread_members


@dataclass(frozen=True)
class LabelledImages:
    """Images (B, 3, H, W) in [-1, 1] and their labels (B,), None where nobody knows them."""

    images: Tensor
    labels: Tensor | None


def spread_batches(index: ImageIndex, split: Split, number: int, size: int) -> Iterator[LabelledImages]:
    """Yields at most ``number`` images spread over a split, always the same ones, in batches of ``size``, without those
    that can't be read."""
    chosen, images = spread_members(index, split, number), EvaluationImages(index)
    for start in range(0, len(chosen), size):
        found = [batch for batch in (images[int(i)] for i in chosen[start : start + size]) if batch["readable"]]
        if found:
            yield LabelledImages(
                torch.cat([to_unit_range(batch)["images"] for batch in found]),
                torch.stack([batch["labels"] for batch in found]),
            )


def spread_images(index: ImageIndex, split: Split, number: int) -> LabelledImages:
    """Returns them all at once.

    Raises:
        ValueError: none can be read.
    """
    found = next(spread_batches(index, split, number, number), None)
    if found is None:
        raise ValueError(f"data root {index.root}: none of the images of split {split} that were tried can be read")
    return found
