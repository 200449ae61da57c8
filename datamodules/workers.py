"""The processes that load data for a stage."""

import atexit
import multiprocessing
import multiprocessing.util  # before end_workers is registered below: exit functions run in reverse order
import signal

SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)


def leave_signals_to_the_stage(worker: int) -> None:
    """Makes a worker ignore the signals that stop a stage; a ``worker_init_fn``.

    A signal to a whole group of processes reaches the workers too. The stage saves first and then ends its workers; a
    worker that died of the signal would take the stage with it before it has saved.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@atexit.register
def end_workers() -> None:
    """Kills the workers of a stage that leaves in the middle: multiprocessing would send SIGTERM, which they ignore,
    and wait."""
    for process in multiprocessing.active_children():
        process.kill()
