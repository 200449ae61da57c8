"""The output layers of a prior, one a book."""

from typing import cast

import torch
from torch import Tensor, nn


class OutputLayers(nn.Module):
    """Linear maps from C to K, untied from the embeddings, without bias. They start at zero: the first loss is ln K."""

    def __init__(self, num_books: int, num_codes: int, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, num_codes, bias=False) for _ in range(num_books))

    def reset(self) -> None:
        """Sets all weights to zero."""
        for weight in self.weights():
            nn.init.zeros_(weight)

    def weights(self) -> list[Tensor]:
        """Returns the k weights (K, C)."""
        return [cast(nn.Linear, layer).weight for layer in self.layers]

    def book(self, number: int, features: Tensor) -> Tensor:
        """Returns logits (..., K) of one book for features (..., C)."""
        return cast(Tensor, self.layers[number](features))

    def forward(self, features: Tensor) -> Tensor:
        """Returns logits (B, k, N, K) for features (B, k, N, C)."""
        return torch.stack([self.book(i, part) for i, part in enumerate(features.unbind(1))], dim=1)
