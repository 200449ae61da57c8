"""``python -m pipeline claims``: tries the papers' claims by short trainings, and writes what comes out."""

import argparse
import sys

from pipeline.claims import Claim, read_claims, read_lengths
from pipeline.claims_plan import Step, plans, steps
from pipeline.commands import run_script
from pipeline.process import PREEMPTED, start
from pipeline.store import Store
from stages.results.claim_outcome import outcome_of
from stages.results.claims_chart import draw
from stages.results.claims_page import page


def claims_of(options: argparse.Namespace) -> list[Claim]:
    """Returns the claims that the command line asks for."""
    return read_claims(options.claims, full=options.full, folder=options.folder)


def run_step(step: Step, store: Store) -> int:
    """Runs a recipe up to a stage by the runner, unless it is published; returns the runner's exit code."""
    if step.recipe.status(store)[step.last].artifact:
        return 0
    words = [sys.executable, "-m", "pipeline", "run", str(step.recipe.folder), "--until", step.last]
    return start([*words, "--runs", str(store.root), *(f"--set={change}" for change in step.changes)]).wait()


def try_claim(claim: Claim, store: Store) -> tuple[list[str], bool]:
    """Runs what isn't published of a claim; returns which variants failed, and whether it was told to stop.

    A variant that fails doesn't keep the others from being tried.
    """
    failed: list[str] = []
    for number, run in enumerate(claim.runs, 1):
        print(f"{claim.name} {number}/{len(claim.runs)}: {run.variant}, seed {run.seed}", flush=True)
        for step in steps(run):
            code = run_step(step, store)
            if code == PREEMPTED:
                return failed, True
            if code:
                failed.append(f"{claim.name}: {run.variant}, seed {run.seed}: {step.last} ended with exit code {code}")
                break
    return failed, False


def write(options: argparse.Namespace, store: Store) -> None:
    """Writes page and chart by all that is published."""
    outcomes = [outcome_of(claim, store) for claim in read_claims(full=options.full, folder=options.folder)]
    chart = options.to.with_suffix(".svg")
    options.to.parent.mkdir(parents=True, exist_ok=True)
    draw(outcomes, chart)
    command = "make claims FULL=1" if options.full else "make claims"
    options.to.write_text(page(outcomes, command, chart.name))
    for outcome in outcomes:
        print(f"{outcome.claim.name:16}{outcome.verdict if outcome.begun else 'not tried yet'}", flush=True)
    print(f"{options.to}, {chart}", flush=True)


def print_plan(options: argparse.Namespace, store: Store) -> None:
    """Prints how many trainings each claim has, and about how long they take."""
    found = plans(claims_of(options), read_lengths(options.folder), store)
    print(f"{'claim':16}{'trainings':>10}{'shared':>8}{'minutes':>9}{'left':>7}")
    for plan in found:
        minutes, left = plan.seconds / 60, plan.left / 60
        print(f"{plan.claim:16}{plan.trainings:10}{plan.shared:8}{minutes:9.1f}{left:7.1f}")
    own = sum(plan.trainings - plan.shared for plan in found)
    seconds, left = (sum(values) / 60 for values in ((p.seconds for p in found), (p.left for p in found)))
    print(f"{'all':16}{own:10}{'':8}{seconds:9.1f}{left:7.1f}")


def main(options: argparse.Namespace) -> int:
    store = Store(options.runs)
    if options.plan:
        print_plan(options, store)
        return 0
    claims = claims_of(options)
    failed: list[str] = []
    for claim in () if options.table else claims:
        wrong, stopped = try_claim(claim, store)
        failed += wrong
        write(options, store)
        if stopped:
            print("stopped by a signal; the same command goes on", file=sys.stderr)
            return PREEMPTED
    if options.table:
        write(options, store)
    for text in failed:
        print(f"error: {text}; the same command tries it again", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run_script("claims", main))
