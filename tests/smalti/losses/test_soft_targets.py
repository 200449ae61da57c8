"""Soft targets against PyTorch's own smoothing; blends against the sum written out."""

import torch
from torch.nn import functional as F

from smalti.losses.soft_targets import blend, soft_targets


def test_smoothing_is_that_of_pytorch() -> None:
    logits, labels = torch.randn(6, 9, dtype=torch.float64), torch.randint(9, (6,))
    found = F.cross_entropy(logits, soft_targets(labels, 9, 0.1).double())
    torch.testing.assert_close(found, F.cross_entropy(logits, labels, label_smoothing=0.1), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(soft_targets(labels, 9, 0.1).sum(1), torch.ones(6))
    assert torch.equal(soft_targets(labels, 9, 0.0), F.one_hot(labels, 9).float())


def test_each_sample_has_its_own_share() -> None:
    first, second = torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4)
    found = blend(first, second, torch.tensor([1.0, 0.0, 0.3]))
    torch.testing.assert_close(found[0], first[0])
    torch.testing.assert_close(found[1], second[1])
    torch.testing.assert_close(found[2], 0.3 * first[2] + 0.7 * second[2])


def test_the_loss_of_a_blend_is_the_blend_of_the_losses() -> None:
    """Cross-entropy is linear in the target: share * L(first) + (1 - share) * L(second)."""
    logits, share = torch.randn(1, 5), torch.tensor([0.3])
    one, two = torch.tensor([1]), torch.tensor([4])
    target = blend(soft_targets(one, 5, 0.1), soft_targets(two, 5, 0.1), share)
    apart = [F.cross_entropy(logits, label, label_smoothing=0.1) for label in (one, two)]
    torch.testing.assert_close(F.cross_entropy(logits, target), 0.3 * apart[0] + 0.7 * apart[1])
