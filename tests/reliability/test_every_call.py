"""A stage whose calls of the file system go wrong, one of them at a time, ends, run once more, as if none had."""

import itertools
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
TRIED = 10  # of the calls that only look at a file there are hundreds
SHORT = {
    "data": [],
    "codebook": ["iterations=2"],
    "tokenizer": ["training.updates=2", "training.validate_every=2", "runtime.checkpoint_every=1"],
    "token_shards": [],
    "ar_prior": ["training.updates=2", "training.validate_every=2", "runtime.checkpoint_every=1"],
    "sweep": [],
    "samples": ["num_samples=9"],
    "scores": [],
}


class Trial:
    """A stage of configs/smoke, run in copies of its inputs, whose n-th call goes wrong."""

    def __init__(self, stage: str, fault: str, smoke_runs: Path, folder: Path) -> None:
        self.stage, self.fault, self.smoke_runs, self.folder = stage, fault, smoke_runs, folder
        self.server = ForkServer([stage])
        self.changes = [f"{stage}.{change}" for change in SHORT[stage]]

    def runs(self, number: int) -> Path:
        return self.folder / str(number)

    def start(self, number: int) -> int:
        """Runs the stage with a fault at a call; returns the exit code."""
        runs = with_inputs_of(self.smoke_runs, self.stage, self.runs(number))
        return self._run(runs, str(DYING), self.fault, str(number), str(runs), str(self.folder / f"calls{number}"))

    def calls(self, number: int) -> int:
        return (self.folder / f"calls{number}").stat().st_size

    def again(self, number: int) -> str:
        """Runs the stage in the same folder without a fault; returns the result's digest."""
        runs = self.runs(number)
        check_nothing_half_done(runs, SMOKE, self.changes)
        assert self._run(runs) == 0, f"after {self.fault} at call {number}"
        artifact = Recipe(SMOKE, self.changes).status(Store(runs))[self.stage].artifact
        assert artifact
        artifact.verify()
        shutil.rmtree(runs)
        return artifact.digest

    def _run(self, runs: Path, *before: str) -> int:
        script, config = str(PROJECT / "stages" / f"{self.stage}.py"), str(SMOKE / f"{self.stage}.yaml")
        self.server.start([*before, script, "--config", config, "--runs", str(runs), *SHORT[self.stage]])
        return self.server.wait()


@pytest.mark.reliability
@pytest.mark.parametrize("stage", SHORT)
def test_killed_at_every_call(stage: str, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    """The calls vary by one or two from run to run, as the stage's speed does; the first run without the n-th call ends
    by itself, and the test with it."""
    trial = Trial(stage, "SIGKILL", smoke_runs, tmp_path)
    assert trial.start(0) == 0
    expected = trial.again(0)
    for number in itertools.count(1):
        code = trial.start(number)
        assert trial.again(number) == expected, f"after a kill at call {number}"
        if code == 0:
            break
        assert code == -signal.SIGKILL, f"call {number}"
    assert trial.calls(number) == number - 1 > 10
    figure(f"calls of the file system at each of which {stage} was killed", str(number - 1))


@pytest.mark.reliability
@pytest.mark.parametrize("stage", SHORT)
def test_stale_at_a_call(
    stage: str, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """A stale handle of NFS ends a stage in one line that names the file, or stops nothing that matters."""
    trial = Trial(stage, "ESTALE", smoke_runs, tmp_path)
    assert trial.start(0) == 0
    expected, calls = trial.again(0), trial.calls(0)
    tried = sorted({1 + calls * step // TRIED for step in range(TRIED)})
    for number in tried:
        capfd.readouterr()
        code, said = trial.start(number), capfd.readouterr().err
        if code:
            errors = [line for line in said.splitlines() if line.startswith("error: ")]
            assert code == 1 and len(errors) == 1 and "Traceback" not in said, f"call {number}: {said}"
            assert "Stale file handle" in errors[0] and str(tmp_path) in errors[0], f"call {number}: {said}"
        assert trial.again(number) == expected, f"after a stale handle at call {number}"
    figure(f"calls on NFS, of {calls}, at each of which {stage} met a stale handle", str(len(tried)))
