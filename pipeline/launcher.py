"""Starting stages: each is a process of its own, alone or one for each device."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from pipeline.graph import Node
from pipeline.nursery import Nursery
from pipeline.process import PROJECT, start

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


def free_port() -> int:
    """Returns a TCP port that nothing listens on now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def fabric_run(options: Sequence[str], script: Path, arguments: Sequence[str]) -> list[str]:
    """Returns the command line of ``fabric run``, with a free port unless one is given."""
    given = list(options)
    if not any(option.startswith("--main-port") for option in given):
        given += ["--main-port", str(free_port())]
    return [str(Path(sys.executable).with_name("fabric")), "run", *given, str(script), *arguments]


class Launcher:
    """Runs stages, each as a process (or one for each device) of its own, and hands SIGTERM and SIGUSR1 on to them."""

    def __init__(self, stages: Sequence[str]) -> None:
        self._stages = stages
        self._nursery: Nursery | None = None
        self._stage_pid = 0
        self.asked_to_stop = False

    def run(self, node: Node, arguments: Sequence[str]) -> int:
        """Runs a stage to its end; returns its exit code. Success is a published manifest, not the code."""
        script = PROJECT / "stages" / f"{node.stage}.py"
        arguments = ["--config", str(node.file), *arguments]
        runtime = node.config.runtime
        if runtime.devices * runtime.num_nodes > 1:
            options = ["--devices", str(runtime.devices), "--num-nodes", str(runtime.num_nodes)]
            if runtime.accelerator != "auto":
                options += ["--accelerator", runtime.accelerator]
            return self._wait_for(start(fabric_run(options, script, arguments)))
        if NVIDIA_DRIVER.exists():  # what CUDA sets up at an import doesn't survive a fork
            return self._wait_for(start([sys.executable, str(script), *arguments]))
        if self._nursery is None:
            self._nursery = Nursery(self._stages)
        self._nursery.start([str(script), *arguments])
        return self._wait_for(self._nursery)

    def _wait_for(self, process: subprocess.Popen[bytes] | Nursery) -> int:
        self._stage_pid = process.pid
        try:
            return process.wait()
        except KeyboardInterrupt:  # the terminal sent it to the stage as well, which saves and ends
            process.wait()
            raise
        finally:
            self._stage_pid = 0

    def forward(self, number: int, frame: FrameType | None) -> None:
        """A signal handler: the stage at work saves and ends with PREEMPTED, if it trains; no other is started."""
        self.asked_to_stop = True
        if self._stage_pid:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self._stage_pid, number)
