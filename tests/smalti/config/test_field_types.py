"""Types in words, and the classes that a value's ``kind`` chooses from."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from smalti.config.field_types import classes_of, describe
from smalti.config.ranges import Range


@dataclass(frozen=True, kw_only=True)
class Dog:
    kind: Literal["dog", "puppy"] = "dog"


@dataclass(frozen=True, kw_only=True)
class Cat:
    kind: Literal["cat"] = "cat"


Share = Annotated[float, Range(at_least=0, at_most=1)]


@pytest.mark.parametrize(
    ("kind", "words", "classes"),
    [
        (int, "a whole number", {}),
        (bool | None, "true or false or null", {}),
        (Literal["a", 2], "'a' or 2", {}),
        (Share | None, "a number from 0 to 1 or null", {}),
        (tuple[Share, ...], "a list, each a number from 0 to 1", {}),
        (dict[str, Share], "a mapping, each value a number from 0 to 1", {}),
        (Dog, "a mapping", {"": Dog}),
        (Dog | None, "a mapping or null", {"": Dog}),
        (Dog | Cat, "a mapping of kind dog, puppy or cat", {"dog": Dog, "puppy": Dog, "cat": Cat}),
        (Dog | Cat | None, "a mapping of kind dog, puppy or cat or null", {"dog": Dog, "puppy": Dog, "cat": Cat}),
        (tuple[Cat, ...], "a list, each a mapping", {"": Cat}),
        (Cat | Literal["auto"] | None, "a mapping, 'auto' or null", {"": Cat}),
        (Literal["a", "b"] | None, "'a' or 'b' or null", {}),
    ],
)
def test_words_and_classes(kind: Any, words: str, classes: dict[str, type]) -> None:
    assert describe(kind) == words
    assert classes_of(kind) == classes
