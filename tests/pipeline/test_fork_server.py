"""The process that forks stages: exit codes, signals, and no stage without its runner."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.fork_client import ForkServer
from pipeline.process import PROJECT

PRINT = "import os, sys\nprint('stage', *sys.argv[1:], os.getppid(), __name__)\nsys.exit(7)\n"
WAIT = "import pathlib, sys, time\npathlib.Path(sys.argv[1]).write_text('at work')\ntime.sleep(60)\n"


def write(folder: Path, text: str) -> str:
    script = folder / "stage.py"
    script.write_text(text)
    return str(script)


def alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_stage_runs_as_a_script_of_its_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    server = ForkServer([])
    for number in ("1", "2"):
        server.start([write(tmp_path, PRINT), number])
        assert server.pid != os.getpid() and server.wait() == 7
    words = capfd.readouterr().out.split()
    assert words[1] == "1" and words[5] == "2" and words[3] == "__main__"
    assert words[2] == words[6] != str(os.getpid()), "both are forks of the same process"


def test_the_exit_code_tells_a_signal(tmp_path: Path) -> None:
    server = ForkServer([])
    server.start([write(tmp_path, WAIT), str(tmp_path / "begun")])
    os.kill(server.pid, signal.SIGKILL)
    assert server.wait() == -signal.SIGKILL


def test_a_stage_that_cannot_be_imported_is_an_error() -> None:
    server = ForkServer(["no_such_stage"])
    with pytest.raises(ValueError, match="ended with exit code 1"):
        server.start(["x.py"])


def test_a_killed_runner_takes_nursery_and_stage_with_it(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    script = write(tmp_path, WAIT)
    runner = subprocess.Popen(
        [sys.executable, "-c",
         "import sys; from pipeline.fork_client import ForkServer\n"
         "n = ForkServer([]); n.start(sys.argv[1:]); print(n.pid, n._process.pid, flush=True); n.wait()",
         script, str(begun)],
        cwd=PROJECT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert runner.stdout is not None
    pids = [int(word) for word in runner.stdout.readline().split()]
    assert all(alive(pid) for pid in pids)
    runner.kill()
    runner.wait()
    until = time.monotonic() + 5
    while any(alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(alive(pid) for pid in pids)
