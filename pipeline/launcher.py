"""Starting stages: each is a process of its own, alone or one for each device."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.graph import Node

PROJECT = Path(__file__).resolve().parent.parent
PREEMPTED = 75  # exit code of a stage that was told to stop and saved its state (EX_TEMPFAIL)
END_WITH_PARENT = "SMALTI_END_WITH_PARENT"


def rank() -> int:
    """Returns the global rank that the launcher gave this process; 0 without a launcher."""
    for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"):
        if name in os.environ:
            return int(os.environ[name])
    return 0


def end_with_parent() -> None:
    """Makes the kernel kill this process when its parent dies, if the runner or a launcher started it.

    A stage begun by hand lives on when its shell is closed.
    """
    if END_WITH_PARENT in os.environ or "TORCHELASTIC_RUN_ID" in os.environ:
        parent = os.getppid()
        set_parent_death_signal()
        if os.getppid() != parent:
            sys.exit(1)


def set_parent_death_signal() -> None:
    """Asks Linux for SIGKILL at the parent's death (prctl PR_SET_PDEATHSIG); survives exec."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def device_settings(runtime: Any) -> dict[str, Any]:
    """Returns the Trainer's accelerator, devices, num_nodes and strategy.

    ``fabric run`` leaves its options in ``LT_*``, which a Trainer doesn't read; they beat the config.

    Raises:
        ValueError: ``--precision``, which belongs to the recipe since it changes the result.
    """
    if "LT_PRECISION" in os.environ:
        raise ValueError(f"--precision {os.environ['LT_PRECISION']}: write training.precision=... behind the command")
    devices = os.environ.get("LT_DEVICES", str(runtime.devices))
    return {
        "accelerator": os.environ.get("LT_ACCELERATOR", runtime.accelerator),
        "devices": int(devices) if devices.isdecimal() else 1,
        "num_nodes": int(os.environ.get("LT_NUM_NODES", runtime.num_nodes)),
        "strategy": os.environ.get("LT_STRATEGY", runtime.strategy),
    }


def environment() -> dict[str, str]:
    """Returns the environment of a stage: ``stages/`` itself stays off sys.path, output isn't held back."""
    return {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1", END_WITH_PARENT: "1"}


def fabric_run(options: Sequence[str], script: Path, arguments: Sequence[str]) -> list[str]:
    """Returns the command line of ``fabric run``, with a free port unless one is given."""
    given = list(options)
    if not any(option.startswith("--main-port") for option in given):
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("", 0))
            given += ["--main-port", str(probe.getsockname()[1])]
    return [str(Path(sys.executable).with_name("fabric")), "run", *given, str(script), *arguments]


def run_stage_process(node: Node, arguments: Sequence[str]) -> int:
    """Runs a stage to its end; returns its exit code. Success is a published manifest, not the code."""
    script = PROJECT / "stages" / f"{node.stage}.py"
    arguments = ["--config", str(node.file), *arguments]
    runtime = node.config.runtime
    command = [sys.executable, str(script), *arguments]
    if runtime.devices * runtime.num_nodes > 1:
        options = ["--devices", str(runtime.devices), "--num-nodes", str(runtime.num_nodes)]
        if runtime.accelerator != "auto":
            options += ["--accelerator", runtime.accelerator]
        command = fabric_run(options, script, arguments)
    process = subprocess.Popen(command, env=environment(), preexec_fn=set_parent_death_signal)
    try:
        return process.wait()
    except KeyboardInterrupt:  # the terminal sent it to the stage as well, which saves and ends
        process.wait()
        raise
