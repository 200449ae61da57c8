"""Makes the application of this clone importable in the environment of the running Python: ``make install`` calls it.

A path file leads to the clone, and the command ``lightning`` is written beside ``python``. The library alone is a
package that pip installs.
"""

import sys
import sysconfig
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PATH_FILE = "smalti_application.pth"
COMMAND = """{first_lines}
from pipeline.lightning_run import lightning

lightning()
"""


def first_lines(python: str) -> str:
    """Returns what makes the kernel start a script by ``python``: a shebang, or, as it takes neither spaces nor more
    than 127 characters, a shell that does (the first two lines are a string to Python)."""
    if " " not in python and len(python) < 125:
        return f"#!{python}"
    return f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''"


def install(site: Path, scripts: Path, python: str) -> None:
    """Writes the path file into ``site`` (site-packages) and the command into ``scripts``; older ones are replaced."""
    (site / PATH_FILE).write_text(f"{PROJECT}\n")
    command = scripts / "lightning"
    command.write_text(COMMAND.format(first_lines=first_lines(python)))
    command.chmod(0o755)


if __name__ == "__main__":
    install(Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("scripts")), sys.executable)
