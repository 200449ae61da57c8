"""``python -m pipeline plan|run|show|check|slurm|data|doctor|cost|params RECIPE``, ``help STAGE.KEY``, ``schema``."""

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from configs.schema.contradictions import indivisible
from pipeline.graph import Recipe, Status
from pipeline.help import explain
from pipeline.json_schema import write_schemas
from pipeline.launcher import Launcher
from pipeline.process import PREEMPTED, PROJECT, end_with_parent, start
from pipeline.slurm import submit, write_jobs
from pipeline.store import Store
from pipeline.weights_ledger import unusable_weights
from smalti.artifact import Artifact
from smalti.config.parsing import ConfigError, unknown

# Commands that need torch or read images: scripts of stages/commands, each a process of its own.
SCRIPTS = ("params", "data", "doctor", "cost")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipeline", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {
        "plan": "says how far each stage is and what it waits for",
        "run": "runs what isn't published yet, in order",
        "show": "lists the published results and their facts",
        "slurm": "writes one job script for each stage, and submits them as a chain",
        "check": "verifies the sha256 of every published file; fails unless all stages are published",
        "params": "prints parameter counts of each network, built on the meta device",
        "data": "reads every image of the data set, and reports what is in it and what is wrong with it",
        "doctor": "says whether the recipe can run here: versions, devices, weights, space, one update a training",
        "cost": "estimates parameters, FLOPs, memory, device-hours and disk of each stage",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        command.add_argument("recipe", type=Path, nargs="?", default=PROJECT / "configs" / "quickstart")
        command.add_argument("--set", action="append", default=[], metavar="STAGE.KEY=VALUE")
        command.add_argument("--runs", type=Path, default=Path("runs"))
        if name == "cost":
            command.add_argument("--tflops", type=float, default=312.0, help="peak of a device (312: A100, bf16)")
            command.add_argument("--utilisation", type=float, default=0.35, help="share of the peak that is reached")
        if name in ("show", "params", "cost"):
            command.add_argument("--json", action="store_true")
        if name == "data":
            command.set_defaults(only="data", until=None, force=None)
        if name == "check":
            command.add_argument("--stage", help="this stage alone")
        if name == "slurm":
            command.add_argument("--submit", action="store_true", help="submit the jobs, chained by afterok")
            command.add_argument("--no-gpus", action="store_true", help="ask for no GPUs")
            command.add_argument(
                "--sbatch", action="append", default=[], metavar="OPTION", help="--sbatch=--time=8:00:00"
            )
        if name == "run":
            command.add_argument("--until", metavar="STAGE", help="stop after this stage")
            command.add_argument("--only", metavar="STAGE", help="this stage alone")
            command.add_argument("--force", metavar="STAGE", help="build this stage again")
    about = {
        "help": "explains the stages, the keys of one stage, or one key and all below it",
        "schema": "writes the JSON schemas by which editors complete and check the YAML files of recipes",
    }
    for name, text in about.items():
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name == "help":
            command.add_argument("key", nargs="?", metavar="STAGE[.KEY]", help="such as tokenizer.gan.weight")
        else:
            command.add_argument("--to", type=Path, default=PROJECT / "docs" / "schema", metavar="FOLDER")
    return parser.parse_args()


def known_stage(recipe: Recipe, stage: str | None) -> str | None:
    """Returns ``stage``; ConfigError if the recipe has no such stage."""
    if stage is not None and stage not in recipe.nodes:
        raise ConfigError(f"command line: {unknown('stage', stage, list(recipe.nodes))}")
    return stage


def plan(recipe: Recipe, store: Store) -> int:
    for stage, status in recipe.status(store).items():
        print(f"{stage:13} {status.state:11}{status.key or '-':18}{status.reason}".rstrip())
    return 0


def wanted_stages(recipe: Recipe, words: argparse.Namespace) -> list[str]:
    """Returns the stages to run, in order: all, those that ``--until`` needs and itself, or ``--only`` one."""
    if words.only:
        return [words.only]
    if not words.until:
        return list(recipe.nodes)
    needed, pending = set(), [words.until]
    while pending:
        stage = pending.pop()
        needed.add(stage)
        pending += [name for name in recipe.nodes[stage].inputs.values() if name in recipe.nodes]
    return [stage for stage in recipe.nodes if stage in needed]


def lacks_weights(recipe: Recipe, store: Store, stages: Iterable[str]) -> bool:
    """Prints what is wrong with the weights that ``stages`` will need, so that nobody learns it after days."""
    wrong = unusable_weights((recipe.nodes[stage].config for stage in stages), store.root / "weights.json")
    for text in wrong:
        print(f"error: {text}", file=sys.stderr)
    return bool(wrong)


def is_blocked(recipe: Recipe, store: Store, stages: Collection[str]) -> bool:
    """Prints what keeps a stage from starting, such as a data root that isn't there, or a batch that doesn't divide."""
    found = recipe.status(store)
    reasons = [f"{stage}: {found[stage].reason}" for stage in stages if found[stage].state == "blocked"]
    reasons += [f"{stage}: {text}" for stage, text in indivisible({s: recipe.nodes[s].config for s in stages})]
    for reason in reasons:
        print(f"error: {reason}", file=sys.stderr)
    return bool(reasons)


def run(recipe: Recipe, store: Store, words: argparse.Namespace) -> int:
    end_with_parent()
    for stage in (words.until, words.only, words.force):
        known_stage(recipe, stage)
    stages, begun, built = wanted_stages(recipe, words), time.time(), 0
    before = recipe.status(store)
    open_stages = [stage for stage in stages if before[stage].artifact is None or stage == words.force]
    if lacks_weights(recipe, store, open_stages) or is_blocked(recipe, store, open_stages):
        return 1
    launcher = Launcher(stages)
    for signum in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(signum, launcher.forward)
    for number, stage in enumerate(stages, 1):
        status = recipe.status(store)[stage]
        forced = stage == words.force
        if status.artifact and not forced:
            store.tidy(stage, status.artifact.key)
            continue
        if launcher.asked_to_stop:
            print("stopped by a signal; the same command goes on", file=sys.stderr)
            return PREEMPTED
        if status.key is None:
            print(f"error: {stage}: {status.reason}", file=sys.stderr)
            return 1
        print(f"[{number}/{len(stages)}] {stage} {status.key} ({status.state})", flush=True)
        options = ["--runs", str(store.root), *(["--force"] if forced else [])]
        code = launcher.run(status.node, [*options, *(f"--set={change}" for change in words.set)])
        finished = recipe.status(store)[stage]
        if finished.artifact is None or code:
            stopped = code == PREEMPTED or launcher.asked_to_stop
            cut = "the same command goes on where it was" if stopped or code < 0 or code > 128 else "see above"
            result = "after its result was published" if finished.artifact else "and published nothing"
            print(f"error: {stage} ended with exit code {code} {result}; {cut}", file=sys.stderr)
            return PREEMPTED if stopped else 1
        built += 1
    print(f"{len(stages)} stages up to date, {built} built in {time.time() - begun:.0f} s")
    report = recipe.status(store).get("report")
    if report and report.artifact:
        print(f"report: {report.artifact.path / 'report.html'}")
    return 0


def show(recipe: Recipe, store: Store, as_json: bool) -> int:
    statuses = recipe.status(store)
    rows = [_row(status) for status in statuses.values()]
    if as_json:
        print(json.dumps(rows, indent=1))
        return 0
    for row in rows:
        print(f"{row['stage']:13} {row['state']:11}{row['path'] or ''}")
        for name, value in (row["facts"] or {}).items():
            text = json.dumps(value)
            print(f"    {name} = {text if len(text) < 100 else text[:97] + '...'}")
    return 0


def _row(status: Status) -> dict[str, Any]:
    artifact: Artifact | None = status.artifact
    return {
        "stage": status.node.stage, "state": status.state, "key": status.key,
        "digest": artifact.digest if artifact else None, "path": str(artifact.path) if artifact else None,
        "facts": artifact.facts if artifact else None,
    }  # fmt: skip


def slurm(recipe: Recipe, store: Store, words: argparse.Namespace) -> int:
    files = write_jobs(recipe, store, words.set, not words.no_gpus, words.sbatch)
    if words.submit and (lacks_weights(recipe, store, files) or is_blocked(recipe, store, files)):
        return 1
    jobs = submit(recipe, files) if words.submit else {}
    for stage, file in files.items():
        print(f"{stage:13} {jobs.get(stage, 'written'):11}{file}")
    return 0


def check(recipe: Recipe, store: Store, only: str | None) -> int:
    failed = 0
    for stage, status in recipe.status(store).items():
        if only and stage != only:
            continue
        if status.artifact is None:
            print(f"{stage}: not published {status.reason}".rstrip())
            failed += 1
            continue
        try:
            status.artifact.verify()
        except ValueError as error:
            print(f"error: {error}")
            failed += 1
    print("all files as published" if not failed else f"{failed} stages are missing or damaged")
    return 1 if failed else 0


def run_script(words: argparse.Namespace) -> int:
    """Runs the script of a command in a process of its own; returns its exit code."""
    options = [str(words.recipe), "--runs", str(words.runs), *(f"--set={change}" for change in words.set)]
    options += [f"--{name}={getattr(words, name)}" for name in ("tflops", "utilisation") if name in words]
    options += ["--json"] if getattr(words, "json", False) else []
    return start([sys.executable, str(PROJECT / "stages" / "commands" / f"{words.command}.py"), *options]).wait()


def main() -> int:
    words = arguments()
    try:
        if words.command == "help":
            print(explain(words.key, min(120, shutil.get_terminal_size((100, 24)).columns)))
            return 0
        if words.command == "schema":
            print(f"{len(write_schemas(words.to))} schemas in {words.to}")
            return 0
        recipe, store = Recipe(words.recipe, words.set), Store(words.runs)
        if words.command == "data" and (code := run(recipe, store, words)):
            return code
        if words.command in SCRIPTS:
            return run_script(words)
        if words.command == "plan":
            return plan(recipe, store)
        if words.command == "run":
            return run(recipe, store, words)
        if words.command == "slurm":
            return slurm(recipe, store, words)
        if words.command == "show":
            return show(recipe, store, words.json)
        return check(recipe, store, known_stage(recipe, words.stage))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
