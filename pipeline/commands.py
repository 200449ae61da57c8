"""The commands of ``python -m pipeline``: each with its arguments declared once, and how a command ends.

The runner parses every command line by these declarations. A command that needs torch or reads images is a script of
``stages/commands``: the runner starts it with the same words, which the script parses by the same declaration. So
``--help`` answers, and a wrong option is refused, before torch is imported.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.process import PROJECT
from pipeline.wildcards import EVERY, OPTIONS
from smalti.config.arguments import positive
from smalti.error_line import error_line

INTERRUPTED = 130  # exit code of a command that Ctrl-C ended


@dataclass(frozen=True)
class Command:
    """What a command does, in the words of ``--help``; its arguments, as ``add_argument`` takes them, by name; and
    whether it is the script ``stages/commands/<command>.py``."""

    text: str
    arguments: Mapping[str, Mapping[str, Any]]
    script: bool = False


RECIPE: dict[str, dict[str, Any]] = {
    "recipe": {
        "type": Path, "nargs": "?", "default": PROJECT / "configs" / "quickstart",
        "help": "folder of the recipe, its pipeline.yaml, or row:PAPER/TABLE/ROW (default configs/quickstart)",
    },
    "changes": {
        "nargs": "*", "metavar": "STAGE.KEY=VALUE",
        "help": "changes of the recipe's values; *.KEY=VALUE of every stage that has the key",
    },
    "--set": {
        "action": "append", "default": [], "metavar": "STAGE.KEY=VALUE",
        "help": "the same; may be repeated",
    },
    "--runs": {
        "type": Path, "default": Path("runs"), "metavar": "FOLDER",
        "help": "results and unfinished work (default %(default)s, in the working directory)",
    },
}  # fmt: skip
# One knob for all stages that can use it, for where their YAMLs say something else.
MACHINE: dict[str, dict[str, Any]] = {
    "--devices": {"type": positive, "metavar": "N", "help": "devices of each node, for every stage that can use them"},
    "--nodes": {"type": positive, "metavar": "N", "help": "nodes, for every stage that can use them"},
    "--accelerator": {"choices": ("auto", "cpu", "cuda", "mps"), "help": "what every stage runs on"},
}
JSON = {"--json": {"action": "store_true", "help": "print JSON"}}

COMMANDS = {
    "plan": Command("says how far each stage is and what it waits for", RECIPE),
    "run": Command(
        "runs what isn't published yet, in order",
        {
            **RECIPE,
            **MACHINE,
            "--until": {"metavar": "STAGE", "help": "stop after this stage"},
            "--only": {"metavar": "STAGE", "help": "this stage alone"},
            "--force": {"metavar": "STAGE", "help": "build this stage again"},
        },
    ),
    "show": Command("lists the published results and their facts", {**RECIPE, **JSON}),
    "slurm": Command(
        "writes one job script for each stage, and submits them as a chain",
        {
            **RECIPE,
            **MACHINE,
            "--submit": {"action": "store_true", "help": "submit the jobs, chained by afterok"},
            "--no-gpus": {"action": "store_true", "help": "ask for no GPUs"},
            "--sbatch": {
                "action": "append", "default": [], "metavar": "OPTION",
                "help": "a further option of sbatch, as in --sbatch=--time=8:00:00; may be repeated",
            },
        },
    ),
    "check": Command(
        "verifies the sha256 of every published file; fails unless all stages are published",
        {**RECIPE, "--stage": {"metavar": "STAGE", "help": "this stage alone"}},
    ),
    "clean": Command(
        "shows what the results and unfinished work of recipes take on the disk, and deletes them",
        {
            "recipes": {"type": Path, "nargs": "+", "metavar": "RECIPE", "help": "folders of recipes"},
            "--unused": {
                "action": "store_true",
                "help": "instead, all in the folder of runs that these recipes don't use, of whatever recipe",
            },
            "--yes": {"action": "store_true", "help": "delete; without it nothing is changed"},
            "--set": RECIPE["--set"],
            "--runs": RECIPE["--runs"],
        },
    ),
    "board": Command(
        "opens TensorBoard on all stages of the recipe",
        {**RECIPE, "--port": {"type": positive, "default": 6006, "help": "its port (default %(default)s)"}},
    ),
    "params": Command(
        "prints parameter counts of each network, built on the meta device", {**RECIPE, **JSON}, script=True
    ),
    "data": Command(
        "reads every image of the data set, and reports what is in it and what is wrong with it", RECIPE, script=True
    ),
    "doctor": Command(
        "says whether the recipe can run here: versions, devices, weights, space, one update of each training",
        {**RECIPE, **MACHINE},
        script=True,
    ),
    "cost": Command(
        "estimates parameters, FLOPs, memory, device-hours and disk of each stage",
        {
            **RECIPE,
            "--tflops": {
                "type": float, "default": 312.0,
                "help": "peak speed of a device in TFLOPS (default %(default)g: an A100 in bfloat16)",
            },
            "--utilisation": {
                "type": float, "default": 0.35, "help": "share of the peak that is reached (default %(default)g)"
            },
            **JSON,
        },
        script=True,
    ),
    "compare": Command(
        "puts the scores of several recipes into one table; refuses a column of two protocols",
        {
            "recipes": {"type": Path, "nargs": "+", "metavar": "RECIPE", "help": "folders of recipes"},
            "--figures": {
                "nargs": "+", "default": [], "metavar": "NAME", "help": "these columns alone (default: all there are)"
            },
            "--csv": {"type": Path, "metavar": "FILE", "help": "a file that the figures go to, a row each"},
            "--html": {"type": Path, "metavar": "FILE", "help": "a page of the tables, with pictures side by side"},
            "--set": RECIPE["--set"],
            "--runs": RECIPE["--runs"],
        },
        script=True,
    ),
    "views": Command(
        "draws what tokens and codes mean: what the AR prior expects, tokens replaced by near codes, codes by t-SNE, "
        "the token viewer; several tokenizers on one sheet",
        {
            "recipes": {"type": Path, "nargs": "+", "metavar": "RECIPE", "help": "folders of recipes"},
            "--images": {
                "type": Path, "nargs": "+", "default": [], "metavar": "FILE",
                "help": "images of yours (default: val images of the first recipe's data)",
            },
            "--labels": {
                "nargs": "+", "default": [], "metavar": "CLASS",
                "help": "the class of each of --images for the AR prior (default: none, which label dropout allows)",
            },
            "--html": {
                "type": Path, "default": Path("views.html"), "metavar": "FILE", "help": "the page (default %(default)s)"
            },
            "--set": RECIPE["--set"],
            "--runs": RECIPE["--runs"],
        },
        script=True,
    ),
    "export": Command(
        "writes what the recipe has trained as folders of the library, each with a card, and its tokens for others",
        {
            **RECIPE,
            "--to": {"type": Path, "required": True, "metavar": "FOLDER", "help": "the new folder to write"},
            "--tokens": {
                "choices": ("npz", "webdataset", "llamagen"),
                "help": "write the tokens of all images too, as npz, as WebDataset's tars, or as LlamaGen's code reads "
                "them",
            },
        },
        script=True,
    ),
    "claims": Command(
        "tries the papers' claims by short trainings, and writes a page and a chart of what comes out",
        {
            "claims": {
                "nargs": "*", "default": [], "metavar": "CLAIM",
                "help": "these alone, such as alpha (default all)",
            },
            "--folder": {
                "type": Path, "default": PROJECT / "configs" / "claims", "metavar": "FOLDER",
                "help": "folder of the claims (default configs/claims)",
            },
            "--full": {"action": "store_true", "help": "longer trainings, more seeds, more variants"},
            "--plan": {"action": "store_true", "help": "train nothing; say how many trainings there are, and how long"},
            "--table": {"action": "store_true", "help": "train nothing; write the page by what is published"},
            "--to": {
                "type": Path, "default": PROJECT / "docs" / "claims.md", "metavar": "FILE",
                "help": "the page, with the chart beside it as .svg (default docs/claims.md)",
            },
            "--runs": RECIPE["--runs"],
        },
        script=True,
    ),
    "rows": Command(
        "lists the rows of the papers' tables: recipe and expected figures",
        {
            "which": {
                "nargs": "?", "default": "", "metavar": "PAPER[/TABLE]", "help": "these rows alone (default all)"
            },
            **JSON,
        },
    ),
    "help": Command(
        "explains the stages, the keys of one stage, or one key and all below it",
        {"key": {"nargs": "?", "metavar": "STAGE[.KEY]", "help": "such as tokenizer.gan.weight (default: all stages)"}},
    ),
    "schema": Command(
        "writes the JSON schemas by which editors complete and check the YAML files of recipes",
        {
            "--to": {
                "type": Path, "default": PROJECT / "docs" / "schema", "metavar": "FOLDER",
                "help": "where they go (default docs/schema)",
            }
        },
    ),
}  # fmt: skip


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Returns the arguments of a command line, the command itself as ``command``. Exits with code 2 if it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m pipeline", allow_abbrev=False)
    parsers = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        own = parsers.add_parser(name, help=command.text, description=command.text, allow_abbrev=False)
        for argument, settings in command.arguments.items():
            own.add_argument(argument, **settings)
    options, left = parser.parse_known_args(words)  # argparse takes no changes that stand behind an option
    changes = [word for word in left if "=" in word and not word.startswith("-")] if "changes" in options else []
    if len(changes) < len(left):
        parser.error(f"unrecognized arguments: {' '.join(word for word in left if word not in changes)}")
    if "changes" in options:
        options.changes = [*options.changes, *changes]
        options.recipe, options.set = asked_changes(options)
    return options


def asked_changes(options: argparse.Namespace) -> tuple[Path, list[str]]:
    """Returns the recipe, and all changes that the command line makes to it, those that stand alone and those of its
    options among them.

    >>> options = argparse.Namespace(recipe=Path("data.seed=1"), changes=["data.seed=2"], set=[], devices=4)
    >>> asked_changes(options)[1]
    ['data.seed=1', 'data.seed=2', '*.runtime.devices=4']
    """
    recipe, changes = options.recipe, [*options.set, *options.changes]
    if "=" in str(recipe) and not recipe.exists():
        recipe, changes = RECIPE["recipe"]["default"], [*options.set, str(recipe), *options.changes]
    for option, key in OPTIONS.items():
        value = getattr(options, option, None)
        if value is not None:
            changes.append(f"{EVERY}.{key}={value}")
    return recipe, changes


def exit_code(command: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Runs a command; returns its exit code. A ValueError or OSError, or that there is no memory, becomes one line and
    code 1; so does, without a line, that nobody reads the output any more."""
    try:
        code = command(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # as by `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left would fail at the exit again
        return 1
    except (ValueError, OSError, MemoryError) as error:
        print(f"error: {error_line(error)}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def run_script(name: str, command: Callable[[argparse.Namespace], int]) -> int:
    """Runs a script of ``stages/commands`` on this process's command line; returns its exit code."""
    return exit_code(command, parse([name, *sys.argv[1:]]))
