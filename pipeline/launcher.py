"""Starting stages: each is a process of its own, alone or one for each device."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from pipeline.fabric import fabric_run
from pipeline.fork_client import ForkServer
from pipeline.graph import Node
from pipeline.process import PROJECT, start, start_agent
from smalti.config.parsing import ConfigError

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


class Launcher:
    """Runs stages, each as a process (or one for each device) of its own, and hands SIGTERM and SIGUSR1 on to them."""

    def __init__(self, stages: Sequence[str]) -> None:
        self._stages = stages
        self._forks: ForkServer | None = None
        self._stage_pid = 0
        self._through_agent = False  # torchrun's, which hands SIGTERM on to its ranks and dies of SIGUSR1
        self._signal = 0  # that asked to stop

    @property
    def asked_to_stop(self) -> bool:
        return self._signal != 0

    def run(self, node: Node, arguments: Sequence[str]) -> int:
        """Runs a stage to its end; returns its exit code. Success is a published manifest, not the code."""
        script = PROJECT / "stages" / f"{node.script}.py"
        arguments = ["--config", str(node.file), *arguments]
        runtime = node.config.runtime
        if runtime.num_nodes > 1:
            raise ConfigError(
                f"{node.file}: runtime.num_nodes {runtime.num_nodes}: this command starts processes on one node; "
                "python -m pipeline slurm starts them on several"
            )
        self._through_agent = runtime.devices > 1
        if self._through_agent:
            kind = [] if runtime.accelerator == "auto" else ["--accelerator", runtime.accelerator]
            return self._wait_for(
                start_agent(fabric_run(["--devices", str(runtime.devices), *kind], script, arguments))
            )
        if NVIDIA_DRIVER.exists():  # what CUDA sets up at an import doesn't survive a fork
            return self._wait_for(start([sys.executable, str(script), *arguments]))
        if self._forks is None:
            self._forks = ForkServer(self._stages)
        self._forks.start([str(script), *arguments])
        return self._wait_for(self._forks)

    def _wait_for(self, process: subprocess.Popen[bytes] | ForkServer) -> int:
        self._stage_pid = process.pid
        self._hand_on()  # what came while the stage was being started
        try:
            return process.wait()
        except KeyboardInterrupt:
            self.forward(signal.SIGTERM, None)
            process.wait()
            raise
        finally:
            self._stage_pid = 0

    def forward(self, number: int, frame: FrameType | None) -> None:
        """A signal handler: the stage at work saves and ends with PREEMPTED, if it trains; no other is started."""
        self._signal = number
        self._hand_on()

    def _hand_on(self) -> None:
        if self._stage_pid and self.asked_to_stop:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self._stage_pid, signal.SIGTERM if self._through_agent else self._signal)
