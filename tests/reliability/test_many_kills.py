"""Kills without an aim: twenty to a chain, one every few seconds, until it has come to its end under them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SMOKE
from kills import digests, random_kill
from surviving import OFTEN, VICTIMS, count, survive

KILLS, LONGEST = 20, 7.0  # seconds: a stage's start, and a few updates of it


@pytest.mark.reliability
@pytest.mark.parametrize("seed", range(8))
def test_twenty_random_kills(seed: int, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    plan = [random_kill(KILLS * (seed + 1) + kill, VICTIMS, LONGEST) for kill in range(KILLS)]
    outcomes = survive(plan, tmp_path / "runs", OFTEN, digests(smoke_runs, SMOKE, []), tmp_path / "log.txt")
    assert len(outcomes) == KILLS
    count(outcomes, figure)
