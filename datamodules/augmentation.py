"""Crops of training images."""

import numpy as np
from torch import Tensor

from configs.schema.training import LoadingConfig
from smalti.images import Corner, place


def training_side(size: int, loading: LoadingConfig, random: np.random.Generator) -> int:
    """Returns how long the shorter side of an image is before a square of ``size`` pixels is cut out of it."""
    if loading.crop != "random_resized":
        return size
    return int(random.integers(size, int(size / loading.min_scale) + 1))


def training_square(image: Tensor, size: int, loading: LoadingConfig, random: np.random.Generator) -> Tensor:
    """Returns the square (3, size, size) that ``loading`` wants of an image (3, h, w); it may be a view."""
    square = square_at(image, size) if loading.crop == "centre" else square_anywhere(image, size, random)
    return square.flip(-1) if loading.flip and random.random() < 0.5 else square


def square_at(image: Tensor, size: int, corner: Corner = "centre") -> Tensor:
    """Returns a square of ``size`` pixels from a corner or the centre of an image (3, h, w)."""
    left, top = place(image.shape[2], image.shape[1], size, corner)
    return image[:, top : top + size, left : left + size]


def square_anywhere(image: Tensor, size: int, random: np.random.Generator) -> Tensor:
    """Returns a square of ``size`` pixels, every position of which is as likely as any other."""
    left = int(random.integers(0, image.shape[2] - size + 1))
    top = int(random.integers(0, image.shape[1] - size + 1))
    return image[:, top : top + size, left : left + size]
