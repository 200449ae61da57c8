"""The output layers of a prior, one a sub-token."""

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class OutputLayers(nn.Module):
    """Linear maps from C to K, untied from the embeddings, without bias. They start at zero: the first loss is ln K.

    ``num_codes`` is K of each of the s sub-tokens.
    """

    def __init__(self, num_codes: Sequence[int], width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, number, bias=False) for number in num_codes)

    def reset(self) -> None:
        """Sets all weights to zero."""
        for weight in self.weights():
            nn.init.zeros_(weight)

    def weights(self) -> list[Tensor]:
        """Returns the s weights (K, C)."""
        return [cast(nn.Linear, layer).weight for layer in self.layers]

    def book(self, number: int, features: Tensor) -> Tensor:
        """Returns logits (..., K) of one sub-token for features (..., C)."""
        return cast(Tensor, self.layers[number](features))

    def forward(self, features: Tensor) -> Tensor:
        """Returns logits (B, s, N, K) for features (B, s, N, C), K the largest; a smaller sub-token's other codes have
        minus infinity."""
        logits = [self.book(i, part) for i, part in enumerate(features.unbind(1))]
        most = max(part.shape[-1] for part in logits)
        return torch.stack([F.pad(part, (0, most - part.shape[-1]), value=-math.inf) for part in logits], dim=1)
