"""The pixel contract: uint8 on disk, [-1, 1] in every network."""

import torch
from torch import Tensor


def to_uint8(images: Tensor) -> Tensor:
    """Returns images in [-1, 1] as uint8: floor(127.5 x + 128), clamped, which is (x + 1) 127.5 rounded half up.

    >>> to_uint8(torch.tensor([-1.0, 0.0, 1.0, 2.0])).tolist()
    [0, 128, 255, 255]
    """
    return (images.float() * 127.5 + 128).clamp(0, 255).to(torch.uint8)


def from_uint8(images: Tensor) -> Tensor:
    """Returns uint8 images as float32 in [-1, 1]: 2 x / 255 - 1, the range of every network here.

    >>> from_uint8(torch.tensor([0, 255], dtype=torch.uint8)).tolist()
    [-1.0, 1.0]
    """
    return images.float() / 127.5 - 1
