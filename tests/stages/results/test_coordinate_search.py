"""Coordinate search finds what it should, and asks for no more than it said."""

from collections.abc import Callable, Sequence

import pytest

from configs.schema.sweep import VaryConfig, _block
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.config.sampling import ArSamplingConfig, GuidanceConfig, SamplingConfig
from stages.results.coordinate_search import coordinate_search

Point = tuple[float, float]
VALUES = [(-2.0, -1.0, 0.0, 1.0, 2.0), (-2.0, -1.0, 0.0, 1.0, 2.0)]


def along(axis: int) -> Callable[[Point], Sequence[Point]]:
    """The grid's line through a point, itself first."""

    def line(point: Point) -> list[Point]:
        others = [(value, point[1]) if axis == 0 else (point[0], value) for value in VALUES[axis]]
        return [point, *(other for other in others if other != point)]

    return line


def test_what_does_not_depend_on_each_other_is_found_in_one_pass() -> None:
    asked: list[Point] = []

    def distance(point: Point) -> float:
        asked.append(point)
        return (point[0] - 1.2) ** 2 + (point[1] + 1.7) ** 2

    best, lines = coordinate_search((0.0, 0.0), [along(0), along(1)], 1, distance)
    assert best == (1.0, -2.0)
    assert [(line.number, line.setting, line.best) for line in lines] == [(1, 0, (1.0, 0.0)), (1, 1, (1.0, -2.0))]
    assert len(asked) == len(set(asked)) == 1 + 4 + 4, "each candidate once"
    assert asked[0] == (0.0, 0.0), "the start first"
    for line in lines:
        assert line.figures == tuple((x - 1.2) ** 2 + (y + 1.7) ** 2 for x, y in line.candidates)


def test_what_depends_on_each_other_takes_more_passes_and_ends_by_itself() -> None:
    """The least of (x - y)^2 + (x - 2)^2 / 4 is (2, 2); on this grid each pass moves by one."""

    def distance(point: Point) -> float:
        return (point[0] - point[1]) ** 2 + (point[0] - 2) ** 2 / 4

    found = [coordinate_search((-2.0, -2.0), [along(0), along(1)], passes, distance) for passes in (1, 2, 3, 50)]
    assert [best for best, _ in found] == [(-1.0, -1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)]
    assert [lines[-1].number for _, lines in found] == [1, 2, 3, 3], "a pass that changes nothing is the last"


def test_nothing_is_changed_for_nothing() -> None:
    best, _ = coordinate_search((0.0, 1.0), [along(0), along(1)], 2, lambda point: 3.0)
    assert best == (0.0, 1.0)


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_no_search_takes_more_candidates_than_were_announced(passes: int) -> None:
    """The figure is the worst case: every candidate is better than all before."""
    vary = (
        VaryConfig(setting="temperature", values=(0.5, 1, 1.5)), VaryConfig(setting="guidance.scale", values=(2, 4)),
        VaryConfig(setting="top_p", values=(0.9,)),
    )  # fmt: skip
    start = ArSamplingConfig(guidance=GuidanceConfig(scale=(3.0,)))
    block = _block(PRIOR_KINDS["ar"])(start=start, vary=vary)
    asked: list[SamplingConfig] = []

    def distance(settings: SamplingConfig) -> float:
        asked.append(settings)
        return -len(asked)

    def line(number: int) -> Callable[[SamplingConfig], Sequence[SamplingConfig]]:
        return lambda settings: block.line(settings, number)

    coordinate_search(start, [line(number) for number in range(3)], passes, distance)
    announced = 1 + passes * (2 + 2 + 1)
    assert block.max_candidates(passes) == announced >= len(asked)
    assert passes > 1 or len(asked) == announced
