"""The command line ``python -m pipeline COMMAND``; its commands are declared in commands.py."""

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from configs.schema.contradictions import indivisible
from configs.schema.protocols import PROTOCOLS
from pipeline.board import board
from pipeline.clean import clean
from pipeline.commands import COMMANDS, INTERRUPTED, exit_code, parse
from pipeline.graph import Recipe, Status
from pipeline.help import explain
from pipeline.json_schema import write_schemas
from pipeline.launcher import Launcher
from pipeline.paper_table import Row
from pipeline.process import PREEMPTED, PROJECT, end_with_parent, start
from pipeline.rows import find_rows
from pipeline.slurm import submit, write_jobs
from pipeline.stages_until import stages_until
from pipeline.store import Store
from pipeline.weights_ledger import unusable_weights
from smalti.artifact import Artifact
from smalti.config.parsing import ConfigError, unknown


def known_stage(recipe: Recipe, stage: str | None) -> str | None:
    """Returns ``stage``; ConfigError if the recipe has no such stage."""
    if stage is not None and stage not in recipe.nodes:
        raise ConfigError(f"command line: {unknown('stage', stage, list(recipe.nodes))}")
    return stage


def plan(recipe: Recipe, store: Store) -> int:
    for stage, status in recipe.status(store).items():
        print(f"{stage:13} {status.state:11}{status.key or '-':18}{status.reason}".rstrip())
    return 0


def wanted_stages(recipe: Recipe, options: argparse.Namespace) -> list[str]:
    """Returns the stages to run, in order: all, those that ``--until`` needs and itself, or ``--only`` one."""
    if options.only:
        return [options.only]
    return stages_until(recipe, options.until) if options.until else list(recipe.nodes)


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


def was_killed(code: int) -> bool:
    """Returns whether a stage ended by somebody's signal, not by one of its own faults such as a bus error."""
    number = -code if code < 0 else code - 128
    return number in (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1)


def run(recipe: Recipe, store: Store, options: argparse.Namespace) -> int:
    end_with_parent()
    for stage in (options.until, options.only, options.force):
        known_stage(recipe, stage)
    stages, begun, built = wanted_stages(recipe, options), time.monotonic(), 0
    before = recipe.status(store)
    open_stages = [stage for stage in stages if before[stage].artifact is None or stage == options.force]
    if lacks_weights(recipe, store, open_stages) or is_blocked(recipe, store, open_stages):
        return 1
    launcher = Launcher(stages)
    for signum in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(signum, launcher.forward)
    for number, stage in enumerate(stages, 1):
        status = recipe.status(store)[stage]
        forced = stage == options.force
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
        asked = ["--runs", str(store.root), *(["--force"] if forced else [])]
        code = launcher.run(status.node, [*asked, *(f"--set={change}" for change in options.set)])
        finished = recipe.status(store)[stage]
        if finished.artifact is None or code:
            stopped = code == PREEMPTED or launcher.asked_to_stop
            cut = "the same command goes on where it was" if stopped or was_killed(code) else "see above"
            result = "after its result was published" if finished.artifact else "and published nothing"
            print(f"error: {stage} ended with exit code {code} {result}; {cut}", file=sys.stderr)
            return PREEMPTED if stopped else 1
        built += 1
    print(f"{len(stages)} stages up to date, {built} built in {time.monotonic() - begun:.0f} s")
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


def print_rows(rows: Sequence[Row], as_json: bool) -> int:
    if as_json:
        print(json.dumps([row.plain() for row in rows], indent=1))
        return 0
    lines = [[row.paper, row.table, row.name, row.config.recipe] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line, row in zip(lines, rows, strict=True):
        protocols = {name: f" ({protocol})" for name, protocol in row.config.protocols.items()}
        figures = ", ".join(f"{name} {value:g}{protocols.get(name, '')}" for name, value in row.config.expected.items())
        print("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=True)), figures]))
    used = {row.config.protocols[name] for row in rows for name in row.config.expected if name in row.config.protocols}
    for name in (name for name in PROTOCOLS if name in used):
        here = f"; here {PROTOCOLS[name].ours}" if PROTOCOLS[name].ours else ""
        print(f"{name}: {PROTOCOLS[name].how}{here}")
    return 0


def slurm(recipe: Recipe, store: Store, options: argparse.Namespace) -> int:
    files = write_jobs(recipe, store, options.set, not options.no_gpus, options.sbatch)
    if options.submit and (lacks_weights(recipe, store, files) or is_blocked(recipe, store, files)):
        return 1
    jobs = submit(recipe, files) if options.submit else {}
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


def run_command_script(name: str) -> int:
    """Runs ``stages/commands/<name>.py`` with the words of this command line; returns its exit code."""
    script = PROJECT / "stages" / "commands" / f"{name}.py"
    return start([sys.executable, str(script), *sys.argv[2:]]).wait()


def run_command(options: argparse.Namespace) -> int:
    if options.command == "help":
        print(explain(options.key, min(120, shutil.get_terminal_size((100, 24)).columns)))
        return 0
    if options.command == "schema":
        print(f"{len(write_schemas(options.to))} schemas in {options.to}")
        return 0
    if options.command == "rows":
        return print_rows(find_rows(options.which), options.json)
    if options.command == "clean":
        recipes = [Recipe(folder, options.set) for folder in options.recipes]
        return clean(recipes, Store(options.runs), options.unused, options.yes)
    if options.command in ("compare", "views", "claims"):  # of several recipes
        return run_command_script(options.command)
    recipe, store = Recipe(options.recipe, options.set), Store(options.runs)
    if options.command == "data":
        stage_alone = argparse.Namespace(**vars(options), only="data", until=None, force=None)
        if code := run(recipe, store, stage_alone):
            return code
    if COMMANDS[options.command].script:
        return run_command_script(options.command)
    if options.command == "plan":
        return plan(recipe, store)
    if options.command == "board":
        return board(recipe, store, options.port)
    if options.command == "run":
        return run(recipe, store, options)
    if options.command == "slurm":
        return slurm(recipe, store, options)
    if options.command == "show":
        return show(recipe, store, options.json)
    return check(recipe, store, known_stage(recipe, options.stage))


def main() -> int:
    code = exit_code(run_command, parse(sys.argv[1:]))
    if code == INTERRUPTED:
        print("interrupted; the same command goes on", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
