"""Fields are read with the docstrings below them, and inherit those of the classes that they come from."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from smalti.config.fields import fields_of, summary
from smalti.config.ranges import PositiveInt


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Something
    flat.

    Or nearly so.
    """

    VERSION: ClassVar[int] = 3
    """Not a key."""
    sides: PositiveInt
    """How many; three
    at least."""
    names: tuple[str, ...] = field(default_factory=lambda: ("a", "b"))
    """What they are called."""
    bare: int = 1

    @property
    def even(self) -> bool:
        """Not a key either."""
        return self.sides % 2 == 0


@dataclass(frozen=True, kw_only=True)
class Square(Shape):
    """Four equal sides."""

    kind: Literal["square"] = "square"
    sides: PositiveInt = 4
    names: tuple[str, ...] = ("north", "east", "south", "west")
    """In order."""


def test_texts_types_and_defaults() -> None:
    sides, names, bare = fields_of(Shape)
    assert (sides.name, sides.text, sides.type, sides.required) == (
        "sides", "How many; three at least.", PositiveInt, True,
    )  # fmt: skip
    assert (names.name, names.text, names.default, names.required) == (
        "names", "What they are called.", ("a", "b"), False,
    )  # fmt: skip
    assert (bare.name, bare.text, bare.default) == ("bare", "", 1)
    assert summary(Shape) == "Something flat."


def test_texts_are_inherited() -> None:
    found = {each.name: each for each in fields_of(Square)}
    assert list(found) == ["sides", "names", "bare", "kind"]
    assert (found["sides"].text, found["sides"].default) == ("How many; three at least.", 4), "a new default alone"
    assert found["names"].text == "In order.", "a text of its own"
    assert found["kind"].text == "Four equal sides.", "a kind that can only be one is its class"
