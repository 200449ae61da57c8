"""Whether a claim holds by the means of trainings and their spread over seeds."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["holds", "doesn't hold", "can't be told"]
ERRORS = 2.0  # standard errors by which a difference has to lie beyond its margin


@dataclass(frozen=True)
class Spread:
    """The mean of several trainings, and their sample standard deviation: None of a single one."""

    mean: float
    deviation: float | None
    number: int


@dataclass(frozen=True)
class Difference:
    """A difference of two means and its standard error: None where no spread is known."""

    mean: float
    error: float | None


def spread_of(values: Sequence[float]) -> Spread:
    """Returns mean and spread.

    >>> spread_of([1.0, 2.0, 3.0])
    Spread(mean=2.0, deviation=1.0, number=3)
    """
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.fmean(values), deviation, len(values))


def difference_of(larger: Sequence[float], smaller: Sequence[float], reference: float | None) -> Difference:
    """Returns the difference of means of independent trainings.

    Its standard error is sqrt(s_a^2 / n_a + s_b^2 / n_b), where s is the side's own sample standard deviation, or
    ``reference`` for a side of one training.

    >>> difference_of([5.0], [1.0, 2.0, 3.0], 1.0).mean
    3.0
    """
    sides = (spread_of(larger), spread_of(smaller))
    deviations = [side.deviation if side.deviation is not None else reference for side in sides]
    squares = [None if s is None else s**2 / side.number for s, side in zip(deviations, sides, strict=True)]
    known = [square for square in squares if square is not None]
    return Difference(sides[0].mean - sides[1].mean, math.sqrt(sum(known)) if len(known) == 2 else None)


def paired_difference(larger: Sequence[float], smaller: Sequence[float]) -> Difference:
    """Returns the mean of the differences seed by seed, with standard error s / sqrt(n) of their own spread s.

    >>> paired_difference([3.0, 5.0], [1.0, 3.0])
    Difference(mean=2.0, error=0.0)
    """
    found = spread_of([a - b for a, b in zip(larger, smaller, strict=True)])
    error = None if found.deviation is None else found.deviation / math.sqrt(found.number)
    return Difference(found.mean, error)


def verdict_of(difference: Difference | None, margin: float = 0.0) -> Verdict:
    """Returns whether a difference lies beyond ``margin`` by more than two standard errors, upwards or downwards; it
    can't be told of None, a figure that is absent.

    >>> verdict_of(Difference(3.0, 1.0)), verdict_of(Difference(-3.0, 1.0)), verdict_of(Difference(2.0, 1.0))
    ('holds', "doesn't hold", "can't be told")
    """
    if difference is None or difference.error is None:
        return "can't be told"
    beyond = difference.mean - margin
    if abs(beyond) <= ERRORS * difference.error:
        return "can't be told"
    return "holds" if beyond > 0 else "doesn't hold"


def joint_verdict(verdicts: Sequence[Verdict]) -> Verdict:
    """Returns the verdict on a claim of several comparisons: it holds if all do, and doesn't if one doesn't.

    >>> joint_verdict(["holds", "can't be told"]), joint_verdict(["holds", "can't be told", "doesn't hold"])
    ("can't be told", "doesn't hold")
    """
    if "doesn't hold" in verdicts:
        return "doesn't hold"
    return "holds" if verdicts and all(verdict == "holds" for verdict in verdicts) else "can't be told"
