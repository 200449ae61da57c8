"""What callbacks ask of a module that reports."""

from typing import Protocol

from torch import Tensor


class Reporting(Protocol):
    """A module that keeps what its last batch reported."""

    terms: dict[str, Tensor]
