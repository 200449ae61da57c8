"""Ranges of numbers, declared once, in a field's type: ``lr: Annotated[float, Range(above=0)]``.

The parser refuses what lies outside; the help and the editors' schema print them.
"""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, kw_only=True)
class Range:
    """Bounds of a number, None where there is none.

    >>> share = Range(above=0, at_most=1)
    >>> f"a number {share}", share.holds(0), share.holds(1)
    ('a number above 0 and at most 1', False, True)
    """

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    def holds(self, number: float) -> bool:
        """Returns whether ``number`` lies inside."""
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.above is None or number > self.above)
            and (self.at_most is None or number <= self.at_most)
            and (self.below is None or number < self.below)
        )

    def __str__(self) -> str:
        if self.at_least is not None and self.at_most is not None:
            return f"from {self.at_least} to {self.at_most}"
        bounds = {"of at least": self.at_least, "above": self.above, "at most": self.at_most, "below": self.below}
        return " and ".join(f"{word} {bound}" for word, bound in bounds.items() if bound is not None)


PositiveInt = Annotated[int, Range(at_least=1)]
SeveralInt = Annotated[int, Range(at_least=2)]  # codes: between one and itself there is nothing to choose
NonNegativeInt = Annotated[int, Range(at_least=0)]
AnyInt = Annotated[int, Range()]  # seeds, which are mixed into others

PositiveFloat = Annotated[float, Range(above=0)]
NonNegativeFloat = Annotated[float, Range(at_least=0)]
AnyFloat = Annotated[float, Range()]
Share = Annotated[float, Range(at_least=0, at_most=1)]
PositiveShare = Annotated[float, Range(above=0, at_most=1)]
Decay = Annotated[float, Range(at_least=0, below=1)]  # of a moving average; a dropout
