"""Values are taken as their field's type says, with its range; all else is one line that says what would be right."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest

from smalti.config.parsing import UNLESS_DEFAULT, ConfigError, parse, plain
from smalti.config.ranges import NonNegativeFloat, PositiveInt, PositiveShare, Range


@dataclass(frozen=True, kw_only=True)
class Oven:
    trays: PositiveInt
    door: PositiveShare | None = None
    heats: tuple[NonNegativeFloat, ...] = ()
    weights: dict[str, NonNegativeFloat] | None = None
    angle: Annotated[float, Range(at_least=-90, below=90)] = 0.0


def bake(**keys: Any) -> Oven:
    return parse(Oven, {"trays": 1, **keys}, "oven.yaml", Path())


def test_what_lies_inside_is_taken() -> None:
    oven = bake(trays=3, door=1, heats=[0, "1e-4"], weights={"top": 2}, angle=-90)
    assert oven == Oven(trays=3, door=1.0, heats=(0.0, 1e-4), weights={"top": 2.0}, angle=-90.0)
    assert type(oven.angle) is float and type(oven.trays) is int
    assert bake(door=None).door is None


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"trays": 0}, "trays: 0 given, expected a whole number of at least 1"),
        ({"trays": 2.0}, "trays: 2.0 given, expected a whole number of at least 1"),
        ({"trays": True}, "trays: True given, expected a whole number of at least 1"),
        ({"door": 0}, "door: 0 given, expected a number above 0 and at most 1"),
        ({"door": "wide"}, "door: 'wide' given, expected a number above 0 and at most 1"),
        ({"door": False}, "door: False given, expected a number above 0 and at most 1"),
        ({"heats": [1, -0.5]}, "heats[1]: -0.5 given, expected a number of at least 0"),
        ({"heats": 3}, "heats: 3 given, expected a list, each a number of at least 0"),
        ({"weights": {"top": "-1e-3"}}, "weights.top: '-1e-3' given, expected a number of at least 0"),
        ({"angle": 90}, "angle: 90 given, expected a number of at least -90 and below 90"),
        ({"heats": [float("nan")]}, "heats[0]: nan given, expected a number of at least 0"),
        ({"heats": [".inf"]}, "heats[0]: '.inf' given, expected a number of at least 0"),
        ({"heats": ["inf"]}, "heats[0]: 'inf' given, expected a number of at least 0"),
        ({"heats": [10**400]}, f"heats[0]: 1{17 * '0'}...{19 * '0'} given, expected a number of at least 0"),
    ],
)  # fmt: skip
def test_what_lies_outside_is_refused(keys: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        bake(**keys)
    assert str(error.value) == f"oven.yaml: {expected}"


def test_a_field_that_came_later_is_hashed_where_it_is_used() -> None:
    """So that what was trained before it came keeps its key."""

    @dataclass(frozen=True, kw_only=True)
    class Later(Oven):
        lamp: str | None = field(default=None, metadata={"hash": UNLESS_DEFAULT})
        grill: float = field(default=1.0, metadata={"hash": UNLESS_DEFAULT})

    before = plain(Oven(trays=2), hashed=True)
    assert plain(Later(trays=2), hashed=True) == plain(Later(trays=2, grill=1.0), hashed=True) == before
    assert plain(Later(trays=2, grill=0.5), hashed=True) == before | {"grill": 0.5}
    assert plain(Later(trays=2, lamp="red"), hashed=True) == before | {"lamp": "red"}
    assert plain(Later(trays=2)) == before | {"lamp": None, "grill": 1.0}


def test_a_missing_key_says_its_range() -> None:
    with pytest.raises(ConfigError, match=r"^oven\.yaml: trays: missing; expected a whole number of at least 1$"):
        parse(Oven, {}, "oven.yaml", Path())
