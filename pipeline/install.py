"""Makes the application of this clone importable in the environment of the running Python: ``make install`` calls it.

A path file leads to the clone, and two commands are written beside ``python``: ``lightning``, which Lightning has no
more, and ``fabric``, which is Lightning's but for how it ends. The library alone is a package that pip installs.
"""

import sys
import sysconfig
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PATH_FILE = "smalti_application.pth"
COMMANDS = {
    "lightning": "from pipeline.lightning_run import lightning\n\nlightning()\n",
    "fabric": "import sys\n\nfrom stages.training.agent import main\n\nsys.exit(main())\n",
}


def first_lines(python: str) -> str:
    """Returns what makes the kernel start a script by ``python``: a shebang, or, as it takes neither spaces nor more
    than 127 characters, a shell that does (the first two lines are a string to Python)."""
    if " " not in python and len(python) < 125:
        return f"#!{python}"
    return f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''"


def install(site: Path, scripts: Path, python: str) -> None:
    """Writes the path file into ``site`` (site-packages) and the commands into ``scripts``; older ones are replaced."""
    (site / PATH_FILE).write_text(f"{PROJECT}\n")
    for name, code in COMMANDS.items():
        command = scripts / name
        command.write_text(f"{first_lines(python)}\n{code}")
        command.chmod(0o755)


if __name__ == "__main__":
    install(Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("scripts")), sys.executable)
