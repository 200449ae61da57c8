"""Processes that load data for a stage."""

import atexit
import multiprocessing
import multiprocessing.util  # first: what is registered later is called earlier at the end
import signal

SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)


def leave_signals_to_the_stage(worker: int) -> None:
    """A ``worker_init_fn``: signals to a whole group of processes stop the stage, which saves first and then ends its
    loaders. One that died of the signal would take the stage with it, before it has saved."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@atexit.register
def end_workers() -> None:
    """Ends the loaders of a stage that leaves in the middle: multiprocessing would ask them by SIGTERM, and wait."""
    for process in multiprocessing.active_children():
        process.kill()
