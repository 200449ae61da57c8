"""The command line of ``fabric run``, which starts a stage once for each device of this node."""

import contextlib
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.process import END_WITH_PARENT, PROJECT

WORKER = PROJECT / "pipeline" / "worker.py"
AGENT = PROJECT / "stages" / "training" / "agent.py"


def free_port() -> int:
    """Returns a TCP port that nothing listens on now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def fabric_run(options: Sequence[str], script: Path, arguments: Sequence[str]) -> list[str]:
    """Returns the command line of ``fabric run``, with a free port unless one is given.

    The shell becomes fabric itself, in ``stages/training/agent.py``: its process id is the one that the ranks are told
    to end with.
    """
    given = list(options)
    if not any(option.startswith("--main-port") for option in given):
        given += ["--main-port", str(free_port())]
    shell = ["/bin/sh", "-c", f'export {END_WITH_PARENT}=$$; exec "$0" "$@"']
    return [*shell, sys.executable, str(AGENT), "run", *given, str(WORKER), str(script), *arguments]
