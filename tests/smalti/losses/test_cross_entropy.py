"""Cross-entropy without all logits, against PyTorch's."""

import pytest
import torch
from torch.nn import functional as F

from smalti.losses import cross_entropy
from smalti.losses.cross_entropy import linear_cross_entropy, token_losses


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_loss_and_gradients_are_pytorchs(smoothing: float, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "MAX_LOGITS", 50 * rows)
    features = torch.randn(31, 6, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(50, 6, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(50, (31,))
    targets[::4] = -1  # don't count
    loss = linear_cross_entropy(features, weight, targets, smoothing)
    expected = F.cross_entropy(features @ weight.T, targets, label_smoothing=smoothing, ignore_index=-1)
    torch.testing.assert_close(loss, expected)
    pairs = zip(*(torch.autograd.grad(3 * value, (features, weight)) for value in (loss, expected)), strict=True)
    for a, b in pairs:
        torch.testing.assert_close(a, b)
    single = token_losses(features, weight, targets)
    logits, known = (features @ weight.T).float(), targets >= 0
    torch.testing.assert_close(
        single.losses, F.cross_entropy(logits, targets, reduction="none", ignore_index=-1)[known]
    )
    assert torch.equal(single.correct, (logits.argmax(1) == targets)[known])


def test_autocast_reaches_the_products_alone() -> None:
    features, weight = torch.randn(64, 32, requires_grad=True), torch.randn(100, 32, requires_grad=True)
    targets = torch.randint(100, (64,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = linear_cross_entropy(features, weight, targets)
    expected = F.cross_entropy(features @ weight.T, targets)
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(expected.item(), rel=0.02)
    loss.backward()
    assert features.grad is not None and features.grad.dtype == torch.float32
