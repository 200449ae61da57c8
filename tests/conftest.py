"""Fixtures: what a test changes is put back; one smoke run in this process serves all tests that read its results."""

import importlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from pipeline.graph import Recipe
from pipeline.job import open_job
from pipeline.store import Store
from smalti.artifact import Artifact
from tests.figures import pytest_addoption, pytest_collection_modifyitems, pytest_configure

__all__ = ["pytest_addoption", "pytest_collection_modifyitems", "pytest_configure"]  # pytest calls these

PROJECT = Path(__file__).resolve().parent.parent
SMOKE = PROJECT / "configs" / "smoke"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str, str], None]:
    """Notes a figure for ``--figures``, and prints it."""

    def note(name: str, value: str) -> None:
        record_property(name, value)
        print(f"{name}: {value}")

    return note


@pytest.fixture(autouse=True)
def restored_process() -> Iterator[None]:
    """Puts environment, signal handlers, RNG and process group back after each test."""
    before = dict(os.environ), {number: signal.getsignal(number) for number in SIGNALS}
    torch.manual_seed(0)
    yield
    os.environ.clear()
    os.environ.update(before[0])
    for number, handler in before[1].items():
        signal.signal(number, handler)
    assert not torch.distributed.is_initialized(), "a test left a process group behind"


def run_stage_here(stage: str, recipe: Path, runs: Path, *words: str, script: str = "") -> None:
    """Runs a stage as its script does, in this process: seconds instead of the import of the whole stack."""
    before = sys.argv
    sys.argv = [f"{stage}.py", "--config", str(recipe / f"{stage}.yaml"), "--runs", str(runs), *words]
    job = None
    try:
        job = open_job(stage, script)
        if job is not None:
            importlib.import_module(f"stages.{script or stage}").build(job)
    finally:
        sys.argv = before
        if job is not None and job.lock is not None:
            job.lock.close()  # the end of a process would do it


RunStage = Callable[..., None]


@pytest.fixture
def run_stage() -> RunStage:
    return run_stage_here


@pytest.fixture(scope="session")
def smoke_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder runs of configs/smoke, all stages published; read only. Made without a network, by the test process
    that needs it first: the others find every stage up to date."""
    folder = tmp_path_factory.getbasetemp()
    runs = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "smoke" / "runs"
    runs.parent.mkdir(exist_ok=True)
    with FileLock(runs.parent / "lock"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        for stage in Recipe(SMOKE).nodes:
            run_stage_here(stage, SMOKE, runs)
    return runs


def refuse(self: socket.socket, address: object) -> None:
    """Stands for a compute node without a network."""
    raise OSError(f"a stage wanted to connect to {address}")


@pytest.fixture
def smoke(smoke_runs: Path) -> dict[str, Artifact]:
    """The published artefacts of configs/smoke by stage."""
    found = Recipe(SMOKE).status(Store(smoke_runs))
    return {stage: status.artifact for stage, status in found.items() if status.artifact}
