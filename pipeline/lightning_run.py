"""``lightning run``: the command that Lightning dropped in 2.5.1, handed to ``fabric run``."""

import os
import sys
from pathlib import Path

from configs.schema.stages import STAGES
from pipeline.fabric import fabric_run
from pipeline.job import find_work, parse_arguments, stage_parser
from pipeline.process import PROJECT, environment
from smalti.config.parsing import unknown
from smalti.error_line import error_line

# Options of fabric run, which take a value each.
FABRIC = {
    "--devices": "devices of this node: a number, a list, or auto",
    "--accelerator": "cpu, gpu, cuda or auto",
    "--num-nodes": "nodes",
    "--node-rank": "which of them this is, from 0",
    "--main-address": "name of node 0",
    "--main-port": "port on node 0 where the ranks meet (default: a free one)",
    "--strategy": "fabric's; the stages choose their own",
    "--precision": "fabric's; a recipe's training.precision counts",
}
FABRIC_OPTIONS = {*FABRIC, *(option[:2] + option[2:].replace("-", "_") for option in FABRIC)}
USAGE = "usage: lightning run STAGE --config FILE [--devices N] [--accelerator A] [--runs DIR] [key=value ...]"


def print_help(stage: str) -> None:
    """Prints all options: the stage's, and those of fabric run."""
    parser = stage_parser(stage)
    parser.prog = f"lightning run {stage}"
    options = parser.add_argument_group("options of fabric run")
    for option, text in FABRIC.items():
        options.add_argument(option, metavar="VALUE", help=text)
    parser.print_help()


def lightning() -> None:
    """``lightning run [model] STAGE|SCRIPT ...``

    Options of ``fabric run`` (--devices, --accelerator, --num-nodes, ...) are its own wherever they stand; all others
    reach the stage.
    """
    words = sys.argv[1:]
    if words[:1] != ["run"] or len(words) < 2 or words[1] in ("-h", "--help"):
        print(f"{USAGE}\nstages: {', '.join(STAGES)}")
        sys.exit(0 if words[-1:] in (["-h"], ["--help"]) else 2)
    words = words[2:] if words[1] == "model" else words[1:]
    target = words.pop(0)
    script = Path(target) if target.endswith(".py") else PROJECT / "stages" / f"{target}.py"
    if not target.endswith(".py") and target not in STAGES:
        print(f"lightning run: {unknown('stage', target, list(STAGES))}", file=sys.stderr)
        sys.exit(2)
    if not script.is_file():
        print(f"lightning run: {script}: no such file; give a stage or a script", file=sys.stderr)
        sys.exit(2)
    if target in STAGES and {"-h", "--help"} & set(words):
        print_help(target)
        sys.exit(0)
    if target in STAGES:
        check_first(target, words)
    command = fabric_run([], script, words)
    os.execve(command[0], command, environment())


def check_first(stage: str, words: list[str]) -> None:
    """Ends with one line, before anything heavy starts, if the stage is up to date or can't run."""
    own, skip = [], False
    for word in words:
        if not skip and word.partition("=")[0] not in FABRIC_OPTIONS:
            own.append(word)
        skip = not skip and word in FABRIC_OPTIONS
    try:
        if find_work(stage, parse_arguments(stage, own)) is None:
            sys.exit(0)
    except (ValueError, OSError) as error:
        print(f"error: {error_line(error)}", file=sys.stderr)
        sys.exit(1)
