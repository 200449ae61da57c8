"""Every key that a user may write says what it is, and every number where it may lie."""

import types
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Annotated, Any

import pytest

from configs.schema.stages import STAGES
from smalti.config.fields import fields_of
from smalti.config.ranges import Range


def parts(kind: Any) -> Iterator[Any]:
    """Yields the type itself and all that it is made of, ranged numbers whole."""
    yield kind
    if typing.get_origin(kind) in (tuple, dict, types.UnionType, typing.Union):
        for part in typing.get_args(kind):
            if part is not Ellipsis:
                yield from parts(part)


def classes(config: type[Any], found: dict[type[Any], None]) -> dict[type[Any], None]:
    """Returns ``config`` and every config class that its fields may hold, each once."""
    if config not in found:
        found[config] = None
        for field in fields_of(config):
            for part in parts(field.type):
                if is_dataclass(part) and isinstance(part, type):
                    classes(part, found)
    return found


CLASSES: dict[type[Any], None] = {}
for stage in STAGES.values():
    classes(stage, CLASSES)


def test_the_walk_finds_them_all() -> None:
    names = {config.__name__ for config in CLASSES}
    assert {"TokenizerConfig", "RuntimeConfig", "ProjectedL2Config", "EmaCodebookConfig", "TimmConfig"} <= names
    assert len(CLASSES) > 50


@pytest.mark.parametrize("config", CLASSES, ids=lambda config: config.__name__)
def test_every_field_says_what_it_is(config: type[Any]) -> None:
    for field in fields_of(config):
        assert field.text, f"{config.__name__}.{field.name}: write a docstring below it"
        assert field.text.endswith("."), f"{config.__name__}.{field.name}: {field.text}"


@pytest.mark.parametrize("config", CLASSES, ids=lambda config: config.__name__)
def test_every_number_has_a_range(config: type[Any]) -> None:
    for field in fields_of(config):
        bare = {int, float} & {part for part in parts(field.type) if isinstance(part, type)}
        assert not bare, f"{config.__name__}.{field.name}: give it a type of smalti.config.ranges, AnyInt if need be"


@pytest.mark.parametrize("config", CLASSES, ids=lambda config: config.__name__)
def test_defaults_lie_in_their_ranges(config: type[Any]) -> None:
    for field in fields_of(config):
        values = field.default if isinstance(field.default, tuple) else (field.default,)
        limits = [typing.get_args(part)[1] for part in parts(field.type) if typing.get_origin(part) is Annotated]
        assert len(limits) <= 1 and all(isinstance(limit, Range) for limit in limits)
        for value in values:
            if limits and isinstance(value, int | float):
                assert limits[0].holds(value), f"{config.__name__}.{field.name}: {value}"
