"""Figures of images beside their originals: means over the images."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from smalti.evaluation.seen import Rows
from smalti.metrics.reconstruction import PIXEL_METRICS


class Pairs:
    """Collects each figure of each pair: ``pixels``, by the names of their functions, and ``lpips``, networks by the
    names of their figures; these are given images in [-1, 1], or with ``lpips_again`` scaled as if from [0, 1]."""

    def __init__(
        self,
        pixels: Sequence[str],
        lpips: Mapping[str, Callable[[Tensor, Tensor], Tensor]],
        lpips_again: bool = False,
    ) -> None:
        self.pixels, self.lpips, self.lpips_again = pixels, lpips, lpips_again
        self.found = {name: Rows(1, torch.float64) for name in (*pixels, *lpips)}

    def update(self, images: Tensor, originals: Tensor) -> None:
        """Adds images and their originals, (B, 3, H, W) in [-1, 1] of whole levels."""
        for name in self.pixels:
            self.found[name].add(PIXEL_METRICS[name](images, originals)[:, None])
        if self.lpips_again:
            images, originals = 2 * images - 1, 2 * originals - 1
        for name, network in self.lpips.items():
            self.found[name].add(network(images, originals).flatten()[:, None].double())

    def means(self, device: torch.device) -> dict[str, float]:
        """Returns the mean of each figure over the pairs of all ranks."""
        return {name: float(rows.gather(device).mean()) for name, rows in self.found.items()}
