"""Killed is not done: whatever is killed and when, the same command goes on to the results of a calm run."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SMOKE
from kills import CHECKPOINT, KMEANS, PUBLISH, SHARDS, digests, random_kill, start
from surviving import OFTEN, VICTIMS, Plan, count, survive
from tests_support import write_first_stages


def test_four_aimed_kills(smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    plan: Plan = [
        ("runner", "KILL", KMEANS), ("rank 0", "KILL", CHECKPOINT), ("group", "KILL", SHARDS),
        ("make", "KILL", PUBLISH),
    ]  # fmt: skip
    recipe = write_first_stages(tmp_path / "recipe")
    expected = digests(smoke_runs, recipe, [])
    often = [change for change in OFTEN if change.startswith(("tokenizer", "ar_prior"))]
    outcomes = survive(plan, tmp_path / "runs", often, expected, tmp_path / "log.txt", recipe)
    count(outcomes, figure)


@pytest.mark.reliability
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_aimed_and_random_kills(
    seed: int, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    """In each aimed place the stage itself is killed in the middle of the write; others by other signals; then random
    ones. Three seeds: each place at least three times."""
    other = ["TERM", "INT", "USR1"][seed]
    plan: Plan = [("rank 0", "KILL", moment) for moment in (KMEANS, CHECKPOINT, SHARDS, PUBLISH)]
    plan += [(VICTIMS[(seed + 1) % 4], other, CHECKPOINT), (VICTIMS[(seed + 2) % 4], other, PUBLISH)]
    plan += [("runner", "KILL", CHECKPOINT), ("group", "KILL", PUBLISH)]
    plan += [("group", ["TERM", "USR1", "TERM"][seed], moment) for moment in (KMEANS, CHECKPOINT, SHARDS)]
    plan.append(random_kill(seed, VICTIMS, longest=40))
    expected = digests(smoke_runs, SMOKE, [])
    outcomes = survive(plan, tmp_path / "runs", OFTEN, expected, tmp_path / "log.txt")
    count(outcomes, figure)


@pytest.mark.reliability
def test_kills_on_two_ranks(tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    changes = [*OFTEN, *(f"{stage}.runtime.devices=2" for stage in ("tokenizer", "ar_prior"))]
    calm, log = tmp_path / "calm", tmp_path / "log.txt"
    assert start(calm, SMOKE, changes, log).wait() == 0, log.read_text()[-3000:]
    plan: Plan = [
        ("rank 0", "KILL", CHECKPOINT), ("rank 1", "KILL", CHECKPOINT), ("rank 1", "TERM", CHECKPOINT),
        ("rank 0", "INT", CHECKPOINT), ("group", "KILL", CHECKPOINT), ("runner", "KILL", CHECKPOINT),
        ("runner", "TERM", CHECKPOINT), ("runner", "USR1", CHECKPOINT),
    ]  # fmt: skip
    outcomes = survive(plan, tmp_path / "runs", changes, digests(calm, SMOKE, changes), log)
    count(outcomes, figure)
