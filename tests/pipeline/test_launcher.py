"""What the launcher refuses to start, and what it stops."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE
from tests_support import with_inputs_of

from pipeline.graph import Recipe
from pipeline.launcher import Launcher
from pipeline.process import PREEMPTED
from smalti.config.parsing import ConfigError


def test_several_nodes_are_for_slurm() -> None:
    """One process here would wait for the other node's for ever."""
    node = Recipe(SMOKE, ["tokenizer.runtime.num_nodes=2"]).nodes["tokenizer"]
    with pytest.raises(ConfigError, match=r"num_nodes 2: .* python -m pipeline slurm"):
        Launcher([]).run(node, [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_that_comes_before_the_stage_stops_it(number: signal.Signals, tmp_path: Path) -> None:
    """Starting the first stage takes as long as the import of torch."""
    launcher = Launcher([])
    launcher.forward(number, None)
    assert launcher.run(Recipe(SMOKE).nodes["data"], ["--runs", str(tmp_path)]) == -number
    assert launcher.asked_to_stop and not list(tmp_path.glob("artifacts/data/*"))


@pytest.mark.parametrize(
    ("name", "group", "devices", "code"),
    [
        # By hand or by timeout -s INT: it reaches no stage, a terminal's does.
        ("SIGINT", False, 1, {130, -signal.SIGINT}),
        ("SIGTERM", True, 1, {PREEMPTED}),  # as timeout and supervisors send it
        pytest.param("SIGUSR1", True, 1, {PREEMPTED}, marks=pytest.mark.reliability),
        ("SIGUSR1", True, 2, {PREEMPTED}),  # torchrun's agent would die of it
    ],
)
def test_a_signal_to_the_runner_or_its_group_makes_a_training_save(
    name: str, group: bool, devices: int, code: set[int], smoke_runs: Path, tmp_path: Path
) -> None:
    runs = with_inputs_of(smoke_runs, "tokenizer", tmp_path / "runs")
    words = [sys.executable, "-m", "pipeline", "run", str(SMOKE), "--runs", str(runs), "--until", "tokenizer"]
    words += [f"--set=tokenizer.training.{name}=5000" for name in ("updates", "validate_every")]
    words += ["--set=tokenizer.runtime.checkpoint_every=1", f"--set=tokenizer.runtime.devices={devices}"]
    with (tmp_path / "log.txt").open("w") as log:
        runner = subprocess.Popen(
            words, cwd=PROJECT, stdout=log, stderr=log, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
        )  # fmt: skip
    until = time.monotonic() + 120
    while not list(runs.glob("work/tokenizer/*/checkpoints/*.ckpt")):
        assert runner.poll() is None and time.monotonic() < until, (tmp_path / "log.txt").read_text()
        time.sleep(0.05)
    (os.killpg if group else os.kill)(runner.pid, signal.Signals[name])
    assert runner.wait(60) in code
    assert "stopped by a signal at update" in (tmp_path / "log.txt").read_text()
    assert list(runs.glob("work/tokenizer/*/checkpoints/stopped-step=*.ckpt"))
    assert not list(runs.glob("artifacts/tokenizer/*"))
