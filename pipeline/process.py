"""Processes of the pipeline: none outlives the one that started it."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PREEMPTED = 75  # exit code of a stage that was told to stop and saved its state (EX_TEMPFAIL)
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
END_WITH_PARENT = "SMALTI_END_WITH_PARENT"  # the process id of the parent without which this one is to end


def end_with_parent() -> None:
    """Makes the kernel kill this process when its parent dies, if the runner or a launcher started it; ends it if the
    parent is dead already.

    A stage begun by hand lives on when its shell is closed.
    """
    if END_WITH_PARENT in os.environ or "TORCHELASTIC_RUN_ID" in os.environ:
        parent = int(os.environ.get(END_WITH_PARENT, os.getppid()))
        set_parent_death_signal()
        if os.getppid() != parent:  # an orphan's is whoever reaps it
            sys.exit(f"process {parent}, which started this one, has ended")


def set_parent_death_signal() -> None:
    """Asks Linux for SIGKILL at the parent's death (prctl PR_SET_PDEATHSIG); survives exec."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def environment() -> dict[str, str]:
    """Returns the environment of a stage: the clone comes first on sys.path and ``stages/`` itself stays off it, output
    isn't held back, and no library goes to a weights hub, whatever the recipe says: ``make weights`` alone fetches.

    Without a home to write in, matplotlib (torchmetrics imports it) would make a folder that each fork deletes.
    """
    path = os.pathsep.join([str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
    own = {"PYTHONPATH": path, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}
    home = os.path.expanduser("~")  # noqa: PTH111 (Path raises where there is none)
    if "MPLCONFIGDIR" not in os.environ and not os.access(home, os.W_OK):
        own["MPLCONFIGDIR"] = os.path.join(tempfile.gettempdir(), f"matplotlib-{os.getuid()}")
    return {**os.environ, **own, END_WITH_PARENT: str(os.getpid())}


def start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Starts a process that dies with this one."""
    return subprocess.Popen(command, env=environment(), preexec_fn=set_parent_death_signal)


def start_agent(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Starts torchrun's agent, which dies with this process.

    It is a group of its own, so that a signal to the runner's group, such as a terminal's Ctrl-C or that of
    ``timeout``, comes to it once, as the runner hands it on: the agent dies of SIGUSR1, and of a second SIGTERM while
    its ranks are saving.
    """
    return subprocess.Popen(command, env=environment(), preexec_fn=set_parent_death_signal, process_group=0)


def start_deaf(command: Sequence[str], pass_fds: Sequence[int]) -> "subprocess.Popen[bytes]":
    """Starts a process that dies with this one, and with STOP_SIGNALS blocked from its first instruction."""

    def prepare() -> None:
        set_parent_death_signal()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)

    return subprocess.Popen(command, env=environment(), pass_fds=pass_fds, preexec_fn=prepare)
