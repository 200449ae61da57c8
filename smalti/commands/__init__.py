"""The command ``smalti``, such as ``smalti encode``: a file for each of its commands.

Each command's file has TEXT, ``add_arguments`` and ``run``. torch is imported when a command runs, so that ``--help``
answers at once.
"""

import argparse
import sys
from collections.abc import Sequence

from smalti import __version__
from smalti.commands import crop, decode, demo, encode, evaluate, export, generate, import_weights, push, show, weights
from smalti.error_line import error_line

COMMANDS = {
    "encode": encode, "decode": decode, "generate": generate, "evaluate": evaluate, "demo": demo, "crop": crop,
    "import": import_weights, "export": export, "push": push,
    "weights": weights, "show": show,
}  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the whole command line."""
    text = "Uses trained tokenizers and priors: published results, or folders that save() wrote."
    top = argparse.ArgumentParser(prog="smalti", description=text, allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"smalti {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.TEXT, description=module.TEXT, allow_abbrev=False)
        module.add_arguments(command)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code: 0, 1 with one line on stderr, or 130 after Ctrl-C.

    Raises:
        SystemExit: with 2 for a wrong command line, with 0 for --help and --version.
    """
    options = parser().parse_args(arguments)
    try:
        COMMANDS[options.command].run(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"error: {error_line(error)}", file=sys.stderr)
        return 1
    except RuntimeError as error:
        if type(error).__name__ != "OutOfMemoryError":  # torch's; torch may not be imported here
            raise
        print("error: out of memory on the device; take a smaller --batch-size", file=sys.stderr)
        return 1
    return 0
