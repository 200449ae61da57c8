"""Verdicts, against numbers worked out by hand and Student's t."""

import math

import pytest
from scipy import stats

from stages.results.claim_verdict import (
    Difference,
    Spread,
    difference_of,
    joint_verdict,
    paired_difference,
    spread_of,
    verdict_of,
)


def test_spread_is_the_sample_standard_deviation() -> None:
    assert spread_of([2.0, 4.0, 9.0]) == Spread(5.0, pytest.approx(math.sqrt((9 + 1 + 16) / 2)), 3)
    assert spread_of([7.0]) == Spread(7.0, None, 1)


def test_standard_error_is_welchs() -> None:
    a, b = [3.0, 4.5, 6.0], [1.0, 1.5, 3.5, 2.0]
    found = difference_of(a, b, None)
    assert found.error is not None
    assert found.mean / found.error == pytest.approx(stats.ttest_ind(a, b, equal_var=False).statistic)


def test_a_single_training_has_the_references_spread() -> None:
    assert difference_of([5.0], [1.0, 2.0, 3.0], 2.0) == Difference(3.0, pytest.approx(math.sqrt(4 / 1 + 1 / 3)))
    assert difference_of([5.0], [2.0], 2.0) == Difference(3.0, pytest.approx(math.sqrt(8)))
    assert difference_of([5.0], [1.0, 2.0, 3.0], None) == Difference(3.0, None)


def test_pairs_are_judged_by_the_spread_of_their_differences() -> None:
    a, b = [10.0, 20.0, 30.0], [9.0, 18.5, 28.0]
    found = paired_difference(a, b)
    assert found.error is not None
    assert found.mean / found.error == pytest.approx(stats.ttest_rel(a, b).statistic)
    assert verdict_of(found) == "holds" and verdict_of(difference_of(a, b, None)) == "can't be told"


@pytest.mark.parametrize(
    ("difference", "margin", "expected"),
    [
        (Difference(2.1, 1.0), 0.0, "holds"),
        (Difference(2.0, 1.0), 0.0, "can't be told"),
        (Difference(-2.0, 1.0), 0.0, "can't be told"),
        (Difference(-2.1, 1.0), 0.0, "doesn't hold"),
        (Difference(0.0, 0.0), 0.0, "can't be told"),  # equal, and "larger" is claimed
        (Difference(0.0, 0.0), -0.02, "holds"),  # kept
        (Difference(-0.03, 0.004), -0.02, "doesn't hold"),  # lost more than is allowed
        (Difference(3.0, 1.0), 2.0, "can't be told"),
        (Difference(3.0, None), 0.0, "can't be told"),
        (None, 0.0, "can't be told"),
    ],
)
def test_two_standard_errors_beyond_the_margin_decide(
    difference: Difference | None, margin: float, expected: str
) -> None:
    assert verdict_of(difference, margin) == expected


def test_one_comparison_is_enough_against_a_claim_and_all_are_needed_for_it() -> None:
    assert joint_verdict(["holds", "holds"]) == "holds"
    assert joint_verdict(["holds", "can't be told"]) == "can't be told"
    assert joint_verdict(["can't be told", "doesn't hold", "holds"]) == "doesn't hold"
    assert joint_verdict([]) == "can't be told"


def test_how_often_chance_passes_is_as_the_page_says() -> None:
    assert [round(2 * stats.t.sf(2, degrees), 2) for degrees in (4, 2)] == [0.12, 0.18]
