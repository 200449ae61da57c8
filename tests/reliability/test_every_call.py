"""A stage killed at each of its calls of the file system in turn ends, run once more, equal to one that wasn't."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE
from kills import check_nothing_half_done
from tests_support import with_inputs_of

from pipeline.fork_client import ForkServer
from pipeline.graph import Recipe
from pipeline.store import Store

DYING = Path(__file__).with_name("dying.py")
SHORT = {
    "data": [],
    "codebook": ["iterations=2"],
    "tokenizer": ["training.updates=2", "training.validate_every=2", "runtime.checkpoint_every=1"],
    "token_shards": [],
    "ar_prior": ["training.updates=2", "training.validate_every=2", "runtime.checkpoint_every=1"],
    "samples": ["num_samples=9"],
    "scores": [],
}


@pytest.mark.reliability
@pytest.mark.parametrize("stage", SHORT)
def test_killed_at_every_call(stage: str, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    script, config = str(PROJECT / "stages" / f"{stage}.py"), str(SMOKE / f"{stage}.yaml")
    changes = [f"{stage}.{change}" for change in SHORT[stage]]
    server = ForkServer([stage])

    def run(runs: Path, *before: str) -> int:
        server.start([*before, script, "--config", config, "--runs", str(runs), *SHORT[stage]])
        return server.wait()

    def result(runs: Path) -> str:
        artifact = Recipe(SMOKE, changes).status(Store(runs))[stage].artifact
        assert artifact
        artifact.verify()
        return artifact.digest

    assert run(with_inputs_of(smoke_runs, stage, tmp_path / "calm")) == 0
    expected, number = result(tmp_path / "calm"), 1
    while True:
        runs = with_inputs_of(smoke_runs, stage, tmp_path / str(number))
        code = run(runs, str(DYING), str(number))
        if code == 0:
            break
        assert code == -signal.SIGKILL, f"call {number} ended with {code}"
        check_nothing_half_done(runs, SMOKE, changes)
        assert run(runs) == 0, f"after a kill at call {number}"
        assert result(runs) == expected, f"after a kill at call {number}"
        shutil.rmtree(runs)
        number += 1
    assert number > 10
    figure(f"calls of the file system at each of which {stage} was killed", str(number - 1))
