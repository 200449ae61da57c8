"""Two ways from an image file to pixels of the size that a crop wants; both give a shorter side of ``side`` px."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.io import ImageReadMode, decode_jpeg

from smalti.images import as_picture, decode, opened, resize_short_side

Decoder = Callable[[bytes, int, bool], Tensor]


def to_tensor(image: Image.Image) -> Tensor:
    """Returns the picture as uint8 (3, H, W), a view of pixels (H, W, 3)."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def by_pillow(data: bytes, side: int, upright: bool) -> Tensor:
    """Returns an image as uint8 (3, h, w), decoded by Pillow and resized as ADM does it.

    Raises:
        UnreadableImage: as ``decode``.
    """
    return to_tensor(resize_short_side(decode(data, upright), side))


def turbo(data: bytes, side: int, upright: bool) -> Tensor:
    """The same in less than half of the time, for photographs.

    A JPEG is decoded by torchvision; if it is at least twice as large as wanted, by Pillow, scaled by 1/2, 1/4 or 1/8
    in the cosine transform, where ADM halves it by a box filter. The rest of the way is PyTorch's bicubic filter on
    uint8, which is Pillow's but for its rounding. The longer side of a large image may have a pixel more or less.

    Raises:
        UnreadableImage: as ``decode``.
    """
    pixels = _turbo_pixels(data, side, upright)
    scale = side / min(pixels.shape[1:])
    size = [round(length * scale) for length in pixels.shape[1:]]
    return interpolate(pixels[None], size, mode="bicubic", antialias=True)[0]


def _turbo_pixels(data: bytes, side: int, upright: bool) -> Tensor:
    image = opened(data)
    if image.format == "JPEG" and min(image.size) >= 2 * side:
        image.draft("RGB", (side, side))
    elif image.format == "JPEG":
        try:
            return decode_jpeg(
                torch.frombuffer(bytearray(data), dtype=torch.uint8), ImageReadMode.RGB, apply_exif_orientation=upright
            )
        except RuntimeError:  # of four inks, or damaged: Pillow reads it, or says how
            pass
    return to_tensor(as_picture(image, upright))


DECODERS: dict[Literal["pillow", "turbo"], Decoder] = {"pillow": by_pillow, "turbo": turbo}
