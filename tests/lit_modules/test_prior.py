"""What the trainings of priors share."""

import torch

from lit_modules.prior import rank_weight
from smalti.losses.cross_entropy import linear_cross_entropy


def test_a_book_without_a_masked_token_counts_nothing() -> None:
    """In a small batch of several books it has 0 of 0 targets: a loss of 0, not the NaN that would skip the update."""
    features, weight = torch.randn(3, 4, requires_grad=True), torch.randn(5, 4, requires_grad=True)
    targets = torch.full((3,), -1)
    loss = rank_weight(targets) * linear_cross_entropy(features, weight, targets)
    loss.backward()
    assert loss.item() == 0 and features.grad is not None and features.grad.abs().sum() == 0
    assert rank_weight(torch.tensor([1, -1, 2])).item() == 1
