"""Figures: each is a value, or absent for a reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import TypeVar

from smalti.metrics.frechet import FeatureStatistics, TooFewImages, distance_between
from smalti.metrics.neighbours import Manifold

T = TypeVar("T")


@dataclass(frozen=True)
class Absent:
    """Takes the place of a figure that can't be measured, and says why."""

    reason: str


def or_none(figure: T | Absent) -> T | None:
    """Returns the figure, or None if it is absent."""
    return None if isinstance(figure, Absent) else figure


def reasons(figures: Mapping[str, object]) -> dict[str, str]:
    """Returns the reasons of those figures that are absent, by name.

    >>> reasons({"psnr": 24.5, "frechet": Absent("too few images")})
    {'frechet': 'too few images'}
    """
    return {name: figure.reason for name, figure in figures.items() if isinstance(figure, Absent)}


def frechet_between(a: FeatureStatistics, b: FeatureStatistics) -> float | Absent:
    """Returns the Frechet distance between two sets of images; absent if either has too few of them."""
    return unless_too_few(partial(distance_between, a, b))


def by_name(manifold: Manifold | Absent) -> dict[str, float | Absent]:
    """Returns precision, recall, density and coverage by their names; each is absent if all are.

    >>> by_name(Manifold(precision=0.5, recall=0.25, density=1.25, coverage=0.75))
    {'precision': 0.5, 'recall': 0.25, 'density': 1.25, 'coverage': 0.75}
    """
    names = [field.name for field in fields(Manifold)]
    return {name: manifold if isinstance(manifold, Absent) else getattr(manifold, name) for name in names}


def unless_too_few(measure: Callable[[], T]) -> T | Absent:
    """Returns what ``measure`` returns; absent if it says that there are too few images."""
    try:
        return measure()
    except TooFewImages as error:
        return Absent(str(error))
