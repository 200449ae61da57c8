"""Killed is not done: whatever is killed and when, the same command goes on to the results of a calm run."""

import itertools
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
    random_kills,
    start,
)  # fmt: skip

Plan = list[tuple[str, str, Moment]]


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
        outcome = kill_once(runs, SMOKE, changes, who, name, moment, log)
        if outcome.code is None:
            check_end(runs, changes, expected, log)
            runs = runs.with_name(f"{runs.name}-after-{len(outcomes)}")
            outcome = kill_once(runs, SMOKE, changes, who, name, moment, log)
        outcomes.append(outcome)
        print(outcome, flush=True)
        assert outcome.code is not None, f"{outcome}: its moment never came\n{log.read_text()[-3000:]}"
        assert outcome.code != 0, f"{outcome}: a killed run ended with exit code 0\n{log.read_text()[-3000:]}"
        if name == "KILL" and not changes:
            assert outcome.seconds < GRACE, outcome
        check_nothing_half_done(runs, SMOKE, changes)
    check_end(runs, changes, expected, log)
    return outcomes


def test_four_aimed_kills(smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    plan: Plan = [
        ("runner", "KILL", KMEANS), ("rank 0", "KILL", CHECKPOINT), ("group", "KILL", SHARDS),
        ("make", "KILL", PUBLISH),
    ]  # fmt: skip
    expected = digests(smoke_runs, SMOKE, [])
    outcomes = survive(plan, tmp_path / "runs", [], expected, tmp_path / "log.txt")
    figure("kills tried and survived, short form", str(len(outcomes)))


@pytest.mark.reliability
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_aimed_and_random_kills(
    seed: int, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    """Every aimed place at least once a seed, by another victim and signal each time; then random ones."""
    victims = ["rank 0", "runner", "make", "group"]
    other = ["TERM", "INT", "USR1"][seed]
    aimed = [
        (KMEANS, "KILL"), (CHECKPOINT, "KILL"), (CHECKPOINT, other), (SHARDS, "KILL"), (PUBLISH, "KILL"),
        (PUBLISH, "KILL"), (PUBLISH, other),
    ]  # fmt: skip
    plan: Plan = [(victims[(seed + i) % 4], name, moment) for i, (moment, name) in enumerate(aimed)]
    plan += list(itertools.islice(random_kills(seed, victims, longest=40), 4))
    expected = digests(smoke_runs, SMOKE, [])
    outcomes = survive(plan, tmp_path / "runs", [], expected, tmp_path / "log.txt")
    for (who, name), number in sorted(Counter((o.who, o.signal) for o in outcomes).items()):
        figure(f"kills survived, seed {seed}: {who} by SIG{name}", str(number))
    for place, number in sorted(Counter(o.moment.partition(" ")[0] for o in outcomes).items()):
        inside = sum(o.inside for o in outcomes if o.moment.partition(" ")[0] == place)
        caught = "" if place == "after" else f", {inside} of them caught half done"
        figure(f"kills survived, seed {seed}: {place.replace('after', 'at random')}", f"{number}{caught}")


@pytest.mark.reliability
def test_kills_on_two_ranks(tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    changes = [f"{stage}.runtime.devices=2" for stage in ("tokenizer", "ar_prior")]
    calm, log = tmp_path / "calm", tmp_path / "log.txt"
    assert start(calm, SMOKE, changes, log).wait() == 0, log.read_text()[-3000:]
    plan: Plan = [
        ("rank 0", "KILL", CHECKPOINT), ("rank 1", "KILL", CHECKPOINT), ("rank 1", "TERM", CHECKPOINT),
        ("rank 0", "INT", CHECKPOINT), ("group", "KILL", CHECKPOINT), ("runner", "KILL", CHECKPOINT),
    ]  # fmt: skip
    outcomes = survive(plan, tmp_path / "runs", changes, digests(calm, SMOKE, changes), log)
    for outcome in outcomes:
        figure(f"kills survived on two ranks: {outcome.who} by SIG{outcome.signal}", f"code {outcome.code}")
