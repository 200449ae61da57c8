"""Fixtures: what a test changes is put back; one smoke run in this process serves all tests that read its results."""

import datetime
import importlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from pipeline.graph import Recipe
from pipeline.job import open_job
from pipeline.store import Store
from smalti.artifact import Artifact

PROJECT = Path(__file__).resolve().parent.parent
SMOKE = PROJECT / "configs" / "smoke"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


BEGUN = time.monotonic()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--figures", type=Path, help="write what the tests of reliability counted, as Markdown")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    file = session.config.getoption("--figures")
    if not file or hasattr(session.config, "workerinput"):  # of pytest-xdist, whose reports go to its controller
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    assert reporter
    passed, skipped = reporter.stats.get("passed", []), reporter.stats.get("skipped", [])
    if skipped:
        reporter.write_line(f"{file} not written: {len(skipped)} tests were skipped")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    elif exitstatus == 0:
        minutes = (time.monotonic() - BEGUN) / 60
        head = [
            "# Reliability",
            "",
            f"Counted by `make reliability` on {datetime.date.today()} at commit {commit()}: {len(passed)} tests "
            f"passed, none failed or was skipped, in {minutes:.0f} minutes on {os.cpu_count()} CPU cores.",
            "",
            "| what | figure |",
            "|---|---|",
        ]
        in_order = sorted(passed, key=lambda report: report.nodeid)
        noted = [(name, value) for report in in_order for name, value in report.user_properties]
        lines = [f"| {name} | {value} |" for name, value in added_up(noted).items()]
        file.write_text("\n".join([*head, *lines]) + "\n" + sections(file))


def sections(file: Path) -> str:
    """Returns what a file says below its head: what others write there."""
    _, mark, rest = (file.read_text() if file.exists() else "").partition("\n## ")
    return mark + rest


def commit() -> str:
    """Returns the commit that is tested, and whether anything was changed since."""

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(PROJECT), *words], capture_output=True, text=True, check=True).stdout

    changed = " with changes" if git("status", "--porcelain", "--untracked-files=no").strip() else ""
    return git("rev-parse", "--short=12", "HEAD").strip() + changed


def added_up(noted: Iterable[tuple[str, object]]) -> dict[str, str]:
    """Returns a line for each name: counts of the same kind from several tests are added.

    >>> added_up([("kills", "3"), ("kills", "4"), ("memory", "+0.1%")])
    {'kills': '7', 'memory': '+0.1%'}
    """
    found: dict[str, str] = {}
    for name, value in noted:
        before, text = found.get(name), str(value)
        found[name] = str(int(before) + int(text)) if before is not None and text.isdigit() else text
    return found


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
