"""Random crops of training images."""

import numpy as np
from PIL import Image

from smalti.images import crop, resize_short_side


def random_crop(image: Image.Image, size: int, min_scale: float, random: np.random.Generator) -> Image.Image:
    """Returns a random square crop, after scaling the shorter side to between ``size`` and ``size / min_scale``
    pixels.

    This is ADM's ``random_crop_arr``; ``min_scale`` 1 gives the centre crop.
    """
    if min_scale >= 1:
        return crop(resize_short_side(image, size), size)
    image = resize_short_side(image, int(random.integers(size, int(size / min_scale) + 1)))
    left = int(random.integers(0, image.width - size + 1))
    top = int(random.integers(0, image.height - size + 1))
    return image.crop((left, top, left + size, top + size))
