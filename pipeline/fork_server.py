"""A process that has imported what the stages need, and forks one child for each stage.

    python pipeline/fork_server.py FD STAGE ...

Importing torch and Lightning costs up to ten seconds; a fork starts at once. FD is a socket. Each line that comes in is
JSON ``[[script, argument, ...], {variable: value}]``; the child's process id goes back, and later its exit code.

It is started with STOP_SIGNALS blocked, which are for the stage alone: a signal to a group of processes would end it,
and the stage with it, before the stage has saved.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys

from pipeline.process import END_WITH_PARENT, STOP_SIGNALS, end_with_parent


def become_stage(server: int, words: list[str], environment: dict[str, str]) -> None:
    """Turns the forked child into the script that was asked for, as if it had been started alone."""
    os.environ[END_WITH_PARENT] = str(server)
    end_with_parent()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)  # what came since the fork arrives now
    os.environ.update(environment)
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")


def serve(connection: socket.socket) -> None:
    """Forks as asked, one child at a time, until the other end of ``connection`` is closed."""
    server = os.getpid()
    with connection.makefile("rw") as lines:
        while line := lines.readline():
            child = os.fork()
            if not child:
                connection.close()
                break
            lines.write(f"{child}\n")
            lines.flush()
            _, status = os.waitpid(child, 0)
            lines.write(f"{os.waitstatus_to_exitcode(status)}\n")
            lines.flush()
        else:
            return
    become_stage(server, *json.loads(line))


def main() -> None:
    for stage in sys.argv[2:]:
        importlib.import_module(f"stages.{stage}")
    gc.freeze()  # a collection in a child doesn't write to, and so copy, what it shares
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
