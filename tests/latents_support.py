"""Networks over latents: small ones, and some whose predictions are known, for the tests of samplers."""

from collections.abc import Callable

import torch
from torch import Tensor

from smalti.config.latent_priors import DitNetworkConfig, LatentPriorNetworkConfig, LatentSpace, UnetNetworkConfig
from smalti.priors.latent import LatentPrior

DIT = DitNetworkConfig(num_layers=1, num_heads=2, width=16, mlp_width=32, patch_size=2)
UNET = UnetNetworkConfig(
    width=8, multipliers=(1, 2), num_blocks=1, attention=(1,), head_width=4, context_width=8, num_groups=4
)
SPACE = LatentSpace(num_channels=3, grid=(4, 4), num_classes=3)


class Known(LatentPrior):
    """Predicts ``answer(latents, time (B, 1, 1, 1), labels)``; counts its calls and their rows."""

    def __init__(self, space: LatentSpace, answer: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__(LatentPriorNetworkConfig(), space)
        self.answer = answer
        self.rows: list[int] = []

    def forward(self, latents: Tensor, time: Tensor, labels: Tensor) -> Tensor:
        self.rows.append(len(latents))
        return self.answer(latents, time[:, None, None, None], labels)


def labels_of(num: int) -> Tensor:
    """Returns labels that mean nothing."""
    return torch.zeros(num, dtype=torch.int64)
