"""Which logits a token can be drawn from."""

import math

import pytest
import torch

from smalti.samplers.logits import check_drawable, draw, drawable, keep_top_k, keep_top_p


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0.0, 1.0], True),
        ([-math.inf, 1.0], True),  # a code that isn't there
        ([3.4e38, -3.4e38], True),
        ([-math.inf, -math.inf], False),
        ([math.inf, 1.0], False),
        ([math.nan, 1.0], False),
    ],
)
def test_a_row_with_a_finite_maximum_can_be_drawn_from(row: list[float], expected: bool) -> None:
    logits = torch.tensor([[0.0, 1.0], row])
    assert bool(drawable(logits)) is expected
    probability = logits.double().softmax(-1)
    assert bool(probability.isfinite().all()) is expected
    if expected:
        check_drawable(drawable(logits))
    else:
        with pytest.raises(ValueError, match="no token can be drawn"):
            check_drawable(drawable(logits))


def test_p_of_1_keeps_all() -> None:
    """Those too whose share the sum of all before doesn't show any more."""
    assert keep_top_p(torch.tensor([100.0, 0.0, 0.0]), 1.0).isfinite().all()


def test_what_is_cut_away_is_never_drawn() -> None:
    logits = torch.tensor([0.0, 3.0, 2.0, 1.0])
    noise = torch.linspace(0, 1, 1001)[:-1]
    for kept, expected in ((keep_top_k(logits, 2), {1, 2}), (keep_top_p(logits, 0.5), {1}), (logits, {0, 1, 2, 3})):
        assert set(draw(kept.expand(1000, 4), noise).tolist()) == expected
