"""Networks over latents whose predictions are known, for the tests of samplers."""

from collections.abc import Callable

import torch
from torch import Tensor

from smalti.config.latent_priors import LatentPriorNetworkConfig, LatentSpace
from smalti.priors.latent import LatentPrior


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
