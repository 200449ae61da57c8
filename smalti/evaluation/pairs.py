"""Figures of images beside their originals: means over the images."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from smalti.evaluation.protocols import Protocol
from smalti.evaluation.seen import Rows
from smalti.metrics.reconstruction import PIXEL_METRICS


class Pairs:
    """Collects each figure of each pair; ``lpips`` are networks by the names of their figures."""

    def __init__(self, protocol: Protocol, lpips: Mapping[str, nn.Module]) -> None:
        self.protocol, self.lpips = protocol, lpips
        self.found = {name: Rows(1, torch.float64) for name in (*protocol.pixels, *lpips)}

    def update(self, images: Tensor, originals: Tensor) -> None:
        """Adds images and their originals, (B, 3, H, W) in [-1, 1] of whole levels."""
        for name in self.protocol.pixels:
            self.found[name].add(PIXEL_METRICS[name](images, originals)[:, None])
        if self.protocol.lpips_again:
            images, originals = 2 * images - 1, 2 * originals - 1
        for name, network in self.lpips.items():
            self.found[name].add(network(images, originals).flatten()[:, None].double())

    def means(self, device: torch.device) -> dict[str, float]:
        """Returns the mean of each figure over the pairs of all ranks."""
        return {name: float(rows.gather(device).mean()) for name, rows in self.found.items()}
