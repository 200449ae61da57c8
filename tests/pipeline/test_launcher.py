"""What the launcher refuses to start, and what it stops."""

import signal
from pathlib import Path

import pytest
from conftest import SMOKE

from pipeline.config import ConfigError
from pipeline.graph import Recipe
from pipeline.launcher import Launcher


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
