"""clean-fid's way of bringing images to the network's size, before the network."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SIZE = 299


def clean_resized(images: Sequence[np.ndarray]) -> Tensor:
    """Returns images (H, W, 3) uint8 of any sizes as (B, 3, 299, 299) float32 in [-1, 1]: each channel by Pillow's
    bicubic filter in float32, which is antialiased, and clipped to its levels (Parmar et al. 2022)."""
    resized = np.empty((len(images), 3, SIZE, SIZE), np.float32)
    for row, image in enumerate(images):
        for channel in range(3):
            levels = Image.fromarray(image[..., channel].astype(np.float32), mode="F")
            resized[row, channel] = np.asarray(levels.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    return torch.from_numpy(resized).clamp(0, 255) / 127.5 - 1
