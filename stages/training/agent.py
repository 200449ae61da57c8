"""``fabric run`` with its ends in one line: ``python stages/training/agent.py run ARGUMENT ...``

torchrun, which it calls, ends a stop by a signal and the failure of a rank with a traceback of its own, fifty lines
below what the rank has said already.
"""

import importlib.metadata
import logging
import signal
import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from pipeline.commands import INTERRUPTED
from pipeline.process import PREEMPTED


def main() -> int:
    """Runs fabric's command line; returns the exit code: 130 after SIGINT, 75 after another signal, 75 where a rank
    ended so, 1 where one failed."""
    logging.disable(logging.CRITICAL)  # what torchrun has to say of a stop, the lines below say
    [fabric] = importlib.metadata.entry_points(group="console_scripts", name="fabric")
    try:
        fabric.load()()
    except SignalException as stop:
        print("stopped by a signal; the same command goes on", file=sys.stderr)
        return INTERRUPTED if stop.sigval == signal.SIGINT else PREEMPTED
    except ChildFailedError as error:
        codes = [failure.exitcode for failure in error.failures.values()]
        return PREEMPTED if PREEMPTED in codes else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
