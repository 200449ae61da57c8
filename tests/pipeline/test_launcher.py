"""What the launcher refuses to start, and what it stops."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE

from pipeline.graph import Recipe
from pipeline.launcher import Launcher
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


def test_ctrl_c_for_the_runner_alone_stops_the_stage(tmp_path: Path) -> None:
    """``kill -INT`` and ``timeout -s INT`` reach no stage; a terminal does."""
    words = [sys.executable, "-m", "pipeline", "run", str(SMOKE), "--runs", str(tmp_path), "--until", "tokenizer"]
    words += [f"--set=tokenizer.training.{name}=5000" for name in ("updates", "validate_every")]
    with (tmp_path / "log.txt").open("w") as log:
        runner = subprocess.Popen(
            words, cwd=PROJECT, stdout=log, stderr=log, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
        )  # fmt: skip
    until = time.monotonic() + 120
    while not list(tmp_path.glob("work/tokenizer/*/checkpoints")):
        assert runner.poll() is None and time.monotonic() < until, (tmp_path / "log.txt").read_text()
        time.sleep(0.05)
    runner.send_signal(signal.SIGINT)
    assert runner.wait(60) not in (0, 1)
    assert "stopped by a signal at update" in (tmp_path / "log.txt").read_text()
    assert not list(tmp_path.glob("artifacts/tokenizer/*"))
