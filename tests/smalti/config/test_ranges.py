"""Ranges hold what they say, at their very bounds, and say it in words."""

import math

import pytest

from smalti.config.ranges import Range


@pytest.mark.parametrize(
    ("limits", "words", "inside", "outside"),
    [
        (Range(), "", [-1e300, 0, 2**80], []),
        (Range(at_least=1), "of at least 1", [1, 2**80], [0, -1]),
        (Range(above=0), "above 0", [math.ulp(0.0), 1e300], [0, -1]),
        (Range(at_least=0, at_most=1), "from 0 to 1", [0, 0.5, 1], [-1e-9, 1 + 1e-9]),
        (Range(above=0, at_most=1), "above 0 and at most 1", [1e-9, 1], [0, 1.1]),
        (Range(at_least=0, below=1), "of at least 0 and below 1", [0, 1 - 1e-9], [-0.1, 1]),
        (Range(above=0, below=1), "above 0 and below 1", [0.5], [0, 1]),
        (Range(at_most=-2), "at most -2", [-2, -3], [-1.9]),
    ],
)
def test_range(limits: Range, words: str, inside: list[float], outside: list[float]) -> None:
    assert str(limits) == words
    assert [n for n in [*inside, *outside] if limits.holds(n)] == inside
