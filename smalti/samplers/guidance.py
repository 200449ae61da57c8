"""Classifier-free guidance (Ho & Salimans 2022), every form by its name."""

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from smalti.config.sampling import GuidanceConfig

Form = Literal["constant", "linear", "linear_unmasked", "power_cosine"]


def guide(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Returns u + s (c - u): s = 1 is the conditional model, s = 0 the unconditional one (LlamaGen's form).

    >>> guide(Tensor([2.0]), Tensor([1.0]), 3.0).item()
    4.0
    """
    return unconditional + scale * (conditional - unconditional)


@dataclass(frozen=True)
class Guidance:
    """``scales``: s for each book (one number serves all), how s moves while sampling goes on, and between which shares
    of the steps it isn't 1."""

    scales: tuple[float, ...] = (1.0,)
    form: Form = "constant"
    power: float = 1.0
    interval: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def of(
        cls,
        scales: tuple[float, ...],
        parameter: Literal["s", "w"],
        form: Form,
        power: float,
        interval: tuple[float, float],
    ) -> "Guidance":
        """Returns guidance by s; ``parameter`` w is (1 + w) c - w u, the same as s = 1 + w.

        >>> Guidance.of((1.5,), "w", "constant", 1.0, (0.0, 1.0)).scales
        (2.5,)
        """
        return cls(tuple(scale + (parameter == "w") for scale in scales), form, power, interval)

    @property
    def active(self) -> bool:
        """Whether the unconditional model has to run at all."""
        return any(scale != 1 for scale in self.scales)

    def scale(self, book: int, ratio: float, unmasked: float) -> float:
        """Returns s of a book when a share ``ratio`` of the steps is done and a share ``unmasked`` of the tokens known.

        constant: s. linear: 1 + (s - 1) r (TiTok). linear_unmasked: the same of the tokens' share (MAR).
        power_cosine: 1 + (s - 1) (1 - cos(pi r^p)) / 2 (MDT, RAR). Outside the interval of r: 1.

        >>> forms = ("constant", "linear", "linear_unmasked", "power_cosine")
        >>> [round(Guidance((3.0,), form).scale(0, 0.25, 0.1), 3) for form in forms]
        [3.0, 1.5, 1.2, 1.293]
        >>> [Guidance((3.0,), interval=(0.25, 0.75)).scale(0, step / 4, 0) for step in range(4)]
        [1.0, 3.0, 3.0, 1.0]
        """
        low, high = self.interval
        if ratio < low or high <= ratio < 1 or high < 1 <= ratio:
            return 1.0
        top = self.scales[book if len(self.scales) > 1 else 0]
        if self.form == "linear":
            return 1 + (top - 1) * ratio
        if self.form == "linear_unmasked":
            return 1 + (top - 1) * unmasked
        if self.form == "power_cosine":
            return 1 + (top - 1) * (1 - math.cos(math.pi * ratio**self.power)) / 2
        return top


def guidance_for(config: GuidanceConfig, num_books: int) -> Guidance:
    """Returns the guidance that a recipe names.

    Raises:
        ValueError: a list of scales that fits neither all books at once nor each.
    """
    if len(config.scale) not in (1, num_books):
        raise ValueError(f"guidance.scale {list(config.scale)}: give one number, or one for each of {num_books} books")
    low, high = config.interval
    return Guidance.of(config.scale, config.parameter, config.form, config.power, (low, high))
