"""What the trainings of priors share."""

import torch

from lit_modules.prior import LitPrior, Readout
from smalti.losses.cross_entropy import linear_cross_entropy


def test_a_book_without_a_masked_token_counts_nothing() -> None:
    """0 of 0 targets, in a small batch of several books, is a loss of 0: not NaN, for which the update is skipped."""
    features, weight = torch.randn(3, 4, requires_grad=True), torch.randn(5, 4, requires_grad=True)
    readout = Readout(features, weight, torch.full((3,), -1))
    share = LitPrior.share_of(None, readout)  # type: ignore[arg-type]
    loss = share * linear_cross_entropy(readout.features, readout.weight, readout.targets)
    loss.backward()
    assert loss.item() == 0 and features.grad is not None and features.grad.abs().sum() == 0
    some = Readout(features, weight, torch.tensor([1, -1, 2]))
    assert LitPrior.share_of(None, some).item() == 1  # type: ignore[arg-type]
