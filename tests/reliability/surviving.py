"""A plan of kills of configs/smoke, or of its first stages, and what must hold after each and at the end."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from conftest import SMOKE
from kills import GRACE, PUBLISH, Moment, Outcome, check_nothing_half_done, digests, kill_once, start
from trainings import TRAININGS

Plan = list[tuple[str, str, Moment]]
VICTIMS = ["rank 0", "runner", "make", "group"]
# How often a checkpoint is written isn't part of a result.
OFTEN = [f"{stage}.runtime.checkpoint_every=2" for stage in TRAININGS]
ATTEMPTS = 6  # at catching a stage in the middle of a write that takes milliseconds


def check_end(runs: Path, changes: list[str], expected: dict[str, str], log: Path, recipe: Path = SMOKE) -> None:
    """The same command ends well, and its results are those of a calm run."""
    assert start(runs, recipe, changes, log).wait() == 0, log.read_text()[-3000:]
    found = digests(runs, recipe, changes)
    assert {stage: digest for stage, digest in found.items() if stage != "report"} == {
        stage: digest for stage, digest in expected.items() if stage != "report"
    }


def survive(
    plan: Plan, runs: Path, changes: list[str], expected: dict[str, str], log: Path, recipe: Path = SMOKE
) -> list[Outcome]:
    """Kills a run again and again as planned, then lets it end; asserts what must hold each time. A run that comes to
    its end before the planned moment is followed by a new one in another folder."""
    outcomes: list[Outcome] = []
    for who, name, moment in plan:
        for _ in range(ATTEMPTS):
            outcome = kill_once(runs, recipe, changes, who, name, moment, log)
            if outcome.code in (None, 0):  # it came to its end before the moment, or before it could obey
                assert outcome.code is None or name != "KILL", f"{outcome}: a killed run ended with exit code 0"
                assert digests(runs, recipe, changes).keys() == expected.keys(), f"{outcome}: code 0, but not done"
                check_end(runs, changes, expected, log, recipe)
                runs = runs.with_name(f"{runs.name}+")
                continue
            done = digests(runs, recipe, changes).keys()
            assert outcome.moment == PUBLISH.name or done != expected.keys(), f"{outcome}: everything is published"
            outcomes.append(outcome)
            print(outcome, flush=True)
            if name == "KILL" and not who.startswith("rank"):
                assert outcome.seconds < GRACE, outcome
            check_nothing_half_done(runs, recipe, changes)
            if outcome.inside or name != "KILL" or who != "rank 0" or moment.name.startswith("after"):
                break
        else:
            raise AssertionError(f"{who} by {name} at {moment.name}: not caught in {ATTEMPTS} attempts")
    check_end(runs, changes, expected, log, recipe)
    return outcomes


def count(outcomes: list[Outcome], figure: Callable[[str, str], None]) -> None:
    """Notes how many kills there were of each kind, and how many of them caught a write half done."""
    figure("kills survived, all", str(len(outcomes)))
    for (who, name), number in sorted(Counter((o.who, o.signal) for o in outcomes).items()):
        figure(f"kills survived: {who} by SIG{name}", str(number))
    for place, number in sorted(Counter(o.moment.partition(" ")[0] for o in outcomes).items()):
        figure(f"kills survived: {'at random' if place == 'after' else f'at {place}'}", str(number))
    figure("kills survived: in the middle of a write", str(sum(o.inside for o in outcomes)))
