"""What an importer of released weights is given and what it makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from smalti.config.saved import Origin
from smalti.formats.checkpoint import Weights


@dataclass(frozen=True)
class Asked:
    """What a file of weights can't say: ``settings`` by name, and the ``config`` that a format ships beside it."""

    file: Path
    settings: Mapping[str, int] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)

    def number(self, name: str, what: str, *path: str, default: int | None = None, least: int = 1) -> int:
        """Returns a whole number: that of the settings, else that under ``path`` in the config, else ``default``.

        Raises:
            ValueError: none of them has it, or it is none.
        """
        found: Any = self.settings.get(name)
        if found is None:
            found = self.config
            for key in path:
                found = found.get(key) if isinstance(found, Mapping) else None
            found = found if path and found is not None else default
        if found is None:
            raise ValueError(f"{self.file}: doesn't say {what}; give --set {name}=NUMBER")
        if isinstance(found, bool) or not isinstance(found, int) or found < least:
            raise ValueError(f"{name} {found!r}: a whole number of at least {least} is needed")
        return found

    def image_size(self, *path: str) -> int:
        """Returns the side of a tokenizer's images, as ``number``."""
        return self.number("image_size", "the side of the images it was trained on", *path)


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of released weights.

    ``marks`` are tensors that every file of it has. ``unused`` are patterns of the names that no part of the network
    has: losses, discriminators. ``asks`` are the settings that may be asked for, with what they are. ``inside`` is the
    beginning of all names where the network lies within a larger file.
    """

    name: str
    title: str
    makes: Literal["tokenizer", "prior"]
    marks: tuple[str, ...]
    convert: Callable[..., tuple[Mapping[str, Any], Mapping[str, Tensor]]]
    """(weights, asked), for priors also the tokenizer, to the fields of what is saved, and the network's tensors."""
    unused: tuple[str, ...] = ()
    asks: Mapping[str, str] = field(default_factory=dict)
    inside: str = ""
    averages: str = ""
    """Beginning of the names of averaged weights, which stand for the others where a file has them."""

    def within(self, weights: Weights) -> Weights:
        """Returns the part of a file in which the network lies."""
        part = weights.below(self.inside) if self.inside and not self.fits(weights) else weights
        return part.averaged(self.averages) if self.averages else part

    def fits(self, weights: Weights) -> bool:
        """Returns whether a file has all marks of this format."""
        return all(mark in weights for mark in self.marks)


def origin(name: str, weights: Weights) -> Origin:
    """Returns where imported weights come from."""
    return Origin(
        stage="import", key=weights.sha256[:16], digest=weights.sha256, imported=f"{name} {weights.file.name}"
    )
