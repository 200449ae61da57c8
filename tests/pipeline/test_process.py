"""No process outlives the one that started it, however early that one dies."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.fabric import WORKER, fabric_run
from pipeline.process import PROJECT, environment

AT_WORK = "print('at work', flush=True)\n"
# Waits until it is an orphan, as a process whose parent died while Python was starting; then becomes the command.
ORPHAN = """
import os, sys, time
while os.getppid() == int(os.environ["SMALTI_END_WITH_PARENT"]):
    time.sleep(0.01)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def told_by_orphan(*command: str) -> str:
    """Returns what ``python COMMAND`` prints whose parent, a shell, has died before it looks."""
    shell = 'export SMALTI_END_WITH_PARENT=$$; "$0" -c "$@" &'
    done = subprocess.run(
        ["/bin/sh", "-c", shell, sys.executable, ORPHAN, *command],
        cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_an_orphan_does_not_begin(tmp_path: Path) -> None:
    begin = f"from pipeline.process import end_with_parent\nend_with_parent()\n{AT_WORK}"
    told = told_by_orphan("-c", begin)
    assert "at work" not in told and "which started this one, has ended" in told
    script = tmp_path / "stage.py"
    script.write_text(AT_WORK)
    told = told_by_orphan(str(WORKER), str(script))
    assert "at work" not in told and "which started this one, has ended" in told


def test_ranks_know_who_started_them(tmp_path: Path) -> None:
    script = tmp_path / "stage.py"
    script.write_text(  # one write a line: two ranks share the pipe
        "import os, sys\n"
        "started = os.getppid() == int(os.environ['SMALTI_END_WITH_PARENT'])\n"
        "os.write(1, f'{sys.argv[1]} {started}\\n'.encode())\n"
    )
    command = fabric_run(["--devices", "2", "--accelerator", "cpu"], script, ["argument"])
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines() == ["argument True", "argument True"]


def test_a_user_without_a_home_gets_no_traceback_of_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its temporary folder, made at import, was deleted by each fork, and missed by the next."""
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "MPLCONFIGDIR" not in environment()
    monkeypatch.setenv("HOME", "/nonexistent")
    fork = "import os, matplotlib\nif child := os.fork(): os.waitpid(child, 0)"
    done = subprocess.run([sys.executable, "-c", fork], env=environment(), capture_output=True, text=True, check=True)
    assert done.stderr == ""
