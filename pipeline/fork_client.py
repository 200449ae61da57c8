"""Starting stages as forks of one process that has imported torch already."""

import contextlib
import json
import socket
import sys
from collections.abc import Mapping, Sequence

from pipeline.process import PROJECT, start_deaf


class ForkServer:
    """Starts stages as forks of one process that has imported torch already; see ``pipeline/fork_server.py``."""

    def __init__(self, stages: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair()
        script = PROJECT / "pipeline" / "fork_server.py"
        with theirs:
            self._process = start_deaf([sys.executable, str(script), str(theirs.fileno()), *stages], [theirs.fileno()])
        self._lines = self._socket.makefile("rw")
        self.pid = 0  # of the stage at work

    def start(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Starts a script with its arguments and further variables; ``pid`` is its process then.

        Raises:
            ValueError: the forking process has ended, because of an import, say.
        """
        with contextlib.suppress(BrokenPipeError):  # the answer that doesn't come tells
            self._lines.write(json.dumps([command, environment or {}]) + "\n")
            self._lines.flush()
        self.pid = self._number()

    def wait(self) -> int:
        """Returns the exit code of the script, negative for a signal."""
        return self._number()

    def _number(self) -> int:
        try:
            line = self._lines.readline()
        except ConnectionResetError:
            line = ""
        if not line:
            raise ValueError(f"the process that starts stages ended with exit code {self._process.wait()}")
        return int(line)
