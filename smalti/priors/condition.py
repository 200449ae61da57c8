"""The class token that both priors start from."""

import torch
from torch import Tensor, nn


class ClassEmbedding(nn.Module):
    """Rows for ``num_classes`` labels and, last, one for "no class"; apart from the codes' rows.

    VQGAN embeds label 7 and code 7 in one row; rows of its own are what the counts of the paper's AR fit.
    An unconditional prior has no classes and only the last row.
    """

    def __init__(self, num_classes: int, width: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.rows = nn.Embedding(num_classes + 1, width)

    def forward(self, labels: Tensor) -> Tensor:
        """Returns (B, 1, C) for labels (B,) in [0, num_classes]; num_classes itself means "no class"."""
        return self.rows(labels)[:, None]

    def nothing(self, labels: Tensor) -> Tensor:
        """Returns labels (B,) that all mean "no class"."""
        return torch.full_like(labels, self.num_classes)
