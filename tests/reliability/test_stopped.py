"""Stopped and let go on, as by Ctrl-Z and fg or on a suspended node: nothing is lost, and what was sent is obeyed."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SMOKE
from kills import CHECKPOINT, KMEANS, PUBLISH, SHARDS, catch, check_nothing_half_done, digests, start
from surviving import OFTEN, check_end

PAUSE = 3.0  # seconds


def written(runs: Path) -> set[tuple[Path, int, int]]:
    """Returns the files of a folder with their sizes and times."""
    return {(path, path.stat().st_size, path.stat().st_mtime_ns) for path in runs.rglob("*") if path.is_file()}


@pytest.mark.reliability
@pytest.mark.parametrize("who", ["rank 0", "runner", "group"])
def test_stopped_and_continued(who: str, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    """The end is that of a calm run, in each of four places."""
    runs, log = tmp_path / "runs", tmp_path / "log.txt"
    make, signalled = start(runs, SMOKE, OFTEN, log), os.killpg if who == "group" else os.kill
    stops = (KMEANS, CHECKPOINT, SHARDS, PUBLISH)
    for moment in stops:
        stopped: list[int] = []

        def stop(target: int, stopped: list[int] = stopped) -> None:
            signalled(target, signal.SIGSTOP)
            stopped.append(target)

        assert catch(make, runs, who, moment, moment.marks(runs), stop), log.read_text()[-3000:]
        time.sleep(0.5)  # until the system has written what it was told
        before = written(runs)
        time.sleep(PAUSE)
        assert who == "runner" or written(runs) == before
        signalled(stopped[0], signal.SIGCONT)
    assert make.wait() == 0, log.read_text()[-3000:]
    check_end(runs, OFTEN, digests(smoke_runs, SMOKE, []), log)
    figure("stopped by SIGSTOP, went on by SIGCONT, ended equal", str(len(stops)))


@pytest.mark.reliability
def test_what_was_sent_to_a_stopped_run_is_obeyed(
    smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    runs, log = tmp_path / "runs", tmp_path / "log.txt"
    make = start(runs, SMOKE, OFTEN, log)
    stop = lambda target: os.killpg(target, signal.SIGSTOP)  # noqa: E731
    assert catch(make, runs, "group", CHECKPOINT, CHECKPOINT.marks(runs), stop), log.read_text()[-3000:]
    os.killpg(make.pid, signal.SIGTERM)
    time.sleep(PAUSE)
    assert make.poll() is None
    os.killpg(make.pid, signal.SIGCONT)
    assert make.wait() != 0 and "the same command goes on where it was" in log.read_text()
    check_nothing_half_done(runs, SMOKE, OFTEN)
    check_end(runs, OFTEN, digests(smoke_runs, SMOKE, []), log)
    figure("stopped by SIGSTOP, ended by SIGTERM when let go on, ended equal", "1")
