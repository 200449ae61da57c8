"""What callbacks ask of a module that reports its losses."""

from typing import Protocol

from torch import Tensor


class Reporting(Protocol):
    """A module that keeps the values its last batch reported."""

    terms: dict[str, Tensor]
