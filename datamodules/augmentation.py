"""Crops of training images."""

import numpy as np
from PIL import Image

from configs.schema.training import LoadingConfig
from smalti.images import crop, resize_short_side


def training_crop(image: Image.Image, size: int, loading: LoadingConfig, random: np.random.Generator) -> Image.Image:
    """Returns the square of ``size`` pixels that ``loading.crop`` names.

    Whatever the crop, images are resized as ADM does it; released code often has another filter.
    """
    if loading.crop == "centre":
        return crop(resize_short_side(image, size), size)
    side = size
    if loading.crop == "random_resized":
        side = int(random.integers(size, int(size / loading.min_scale) + 1))
    return square_anywhere(resize_short_side(image, side), size, random)


def square_anywhere(image: Image.Image, size: int, random: np.random.Generator) -> Image.Image:
    """Returns a square of ``size`` pixels, every position of which is as likely as any other."""
    left = int(random.integers(0, image.width - size + 1))
    top = int(random.integers(0, image.height - size + 1))
    return image.crop((left, top, left + size, top + size))
