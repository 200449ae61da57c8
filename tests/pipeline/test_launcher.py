"""What the launcher refuses to start."""

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
