"""Processes that load data for a stage."""

import signal

SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)


def leave_signals_to_the_stage(worker: int) -> None:
    """A ``worker_init_fn``: signals to a whole group of processes stop the stage, which saves first and then ends its
    loaders. One that died of the signal would take the stage with it, before it has saved."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
