"""Killed is not done: whatever is killed and when, the same command goes on to the results of a calm run."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SMOKE
from kills import (
    CHECKPOINT,
    GRACE,
    KMEANS,
    PUBLISH,
    SHARDS,
    Moment,
    Outcome,
    check_nothing_half_done,
    digests,
    kill_once,
    random_kill,
    start,
)  # fmt: skip
from trainings import TRAININGS

Plan = list[tuple[str, str, Moment]]
# How often a checkpoint is written isn't part of a result.
OFTEN = [f"{stage}.runtime.checkpoint_every=2" for stage in TRAININGS]
ATTEMPTS = 6  # at catching a stage in the middle of a write that takes milliseconds


def check_end(runs: Path, changes: list[str], expected: dict[str, str], log: Path) -> None:
    """The same command ends well, and its results are those of a calm run."""
    assert start(runs, SMOKE, changes, log).wait() == 0, log.read_text()[-3000:]
    found = digests(runs, SMOKE, changes)
    assert {stage: digest for stage, digest in found.items() if stage != "report"} == {
        stage: digest for stage, digest in expected.items() if stage != "report"
    }


def survive(plan: Plan, runs: Path, changes: list[str], expected: dict[str, str], log: Path) -> list[Outcome]:
    """Kills a run again and again as planned, then lets it end; asserts what must hold each time. A run that comes to
    its end before the planned moment is followed by a new one in another folder."""
    outcomes: list[Outcome] = []
    for who, name, moment in plan:
        for _ in range(ATTEMPTS):
            outcome = kill_once(runs, SMOKE, changes, who, name, moment, log)
            if outcome.code in (None, 0):  # it came to its end before the moment, or before it could obey
                assert outcome.code is None or name != "KILL", f"{outcome}: a killed run ended with exit code 0"
                assert digests(runs, SMOKE, changes).keys() == expected.keys(), f"{outcome}: code 0, but not done"
                check_end(runs, changes, expected, log)
                runs = runs.with_name(f"{runs.name}+")
                continue
            done = digests(runs, SMOKE, changes).keys()
            assert outcome.moment == PUBLISH.name or done != expected.keys(), f"{outcome}: everything is published"
            outcomes.append(outcome)
            print(outcome, flush=True)
            if name == "KILL" and not who.startswith("rank"):
                assert outcome.seconds < GRACE, outcome
            check_nothing_half_done(runs, SMOKE, changes)
            if outcome.inside or name != "KILL" or who != "rank 0" or moment.name.startswith("after"):
                break
        else:
            raise AssertionError(f"{who} by {name} at {moment.name}: not caught in {ATTEMPTS} attempts")
    check_end(runs, changes, expected, log)
    return outcomes


def test_four_aimed_kills(smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    plan: Plan = [
        ("runner", "KILL", KMEANS), ("rank 0", "KILL", CHECKPOINT), ("group", "KILL", SHARDS),
        ("make", "KILL", PUBLISH),
    ]  # fmt: skip
    expected = digests(smoke_runs, SMOKE, [])
    outcomes = survive(plan, tmp_path / "runs", OFTEN, expected, tmp_path / "log.txt")
    count(outcomes, figure)


@pytest.mark.reliability
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_aimed_and_random_kills(
    seed: int, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    """In each aimed place the stage itself is killed in the middle of the write; others by other signals; then random
    ones. Three seeds: each place at least three times."""
    victims = ["rank 0", "runner", "make", "group"]
    other = ["TERM", "INT", "USR1"][seed]
    plan: Plan = [("rank 0", "KILL", moment) for moment in (KMEANS, CHECKPOINT, SHARDS, PUBLISH)]
    plan += [(victims[(seed + 1) % 4], other, CHECKPOINT), (victims[(seed + 2) % 4], other, PUBLISH)]
    plan += [("runner", "KILL", CHECKPOINT), ("group", "KILL", PUBLISH)]
    plan += [("group", ["TERM", "USR1", "TERM"][seed], moment) for moment in (KMEANS, CHECKPOINT, SHARDS)]
    plan.append(random_kill(seed, victims, longest=40))
    expected = digests(smoke_runs, SMOKE, [])
    outcomes = survive(plan, tmp_path / "runs", OFTEN, expected, tmp_path / "log.txt")
    count(outcomes, figure)


def count(outcomes: list[Outcome], figure: Callable[[str, str], None]) -> None:
    """Notes how many kills there were of each kind, and how many of them caught a write half done."""
    figure("kills survived, all", str(len(outcomes)))
    for (who, name), number in sorted(Counter((o.who, o.signal) for o in outcomes).items()):
        figure(f"kills survived: {who} by SIG{name}", str(number))
    for place, number in sorted(Counter(o.moment.partition(" ")[0] for o in outcomes).items()):
        figure(f"kills survived: {'at random' if place == 'after' else f'at {place}'}", str(number))
    figure("kills survived: in the middle of a write", str(sum(o.inside for o in outcomes)))


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
