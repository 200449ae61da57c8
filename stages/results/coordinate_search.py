"""Coordinate search: one setting after the other is varied, and the best value kept."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Line(Generic[T]):
    """The curve of one setting: ``candidates`` that differ in nothing else, the first that where the search stood, and
    the ``figures`` of each; ``setting`` is the setting's number, ``number`` that of the pass, from 1 on."""

    number: int
    setting: int
    candidates: tuple[T, ...]
    figures: tuple[float, ...]

    @property
    def best(self) -> T:
        """The candidate of the least figure; of equal ones the first, so that nothing is changed for nothing."""
        return self.candidates[self.figures.index(min(self.figures))]


def coordinate_search(
    start: T, along: Sequence[Callable[[T], Sequence[T]]], passes: int, measure: Callable[[T], float]
) -> tuple[T, list[Line[T]]]:
    """Returns the best candidate that was found, and the lines on which it was searched.

    >>> around = lambda x: [x, x - 1, x + 1]
    >>> best, lines = coordinate_search(0, [around], 5, lambda x: (x - 3) ** 2)
    >>> best, [line.candidates for line in lines]
    (3, [(0, -1, 1), (1, 0, 2), (2, 1, 3), (3, 2, 4)])

    Args:
        along: for each setting the candidates on the line through one of them, itself first.
        passes: how often all settings are gone through at most; a pass that changes nothing is the last.
        measure: a candidate's figure, the less the better; it is called once for each candidate.
    """
    known: dict[T, float] = {}
    best, lines = start, list[Line[T]]()
    for number in range(1, passes + 1):
        before = best
        for setting, line_through in enumerate(along):
            candidates = tuple(line_through(best))
            assert candidates[0] == best
            for candidate in candidates:
                if candidate not in known:
                    known[candidate] = measure(candidate)
            figures = tuple(known[candidate] for candidate in candidates)
            lines.append(Line(number, setting, candidates, figures))
            best = lines[-1].best
        if best == before:
            break
    return best, lines
