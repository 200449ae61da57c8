"""How stages obey signals when nobody trains, and publish on any machine."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from conftest import SMOKE

from pipeline.job import Job, open_job
from pipeline.process import PREEMPTED, PROJECT
from pipeline.store import Store

SCRIPT = """
import signal, sys, time
from pipeline.job import obey_signals
obey_signals(sys.argv[1])
print("ready", flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("stage", "number", "seconds", "code"),
    [
        ("token_shards", signal.SIGUSR1, 60, PREEMPTED),
        ("codebook", signal.SIGTERM, 60, PREEMPTED),
        ("tokenizer", signal.SIGTERM, 60, PREEMPTED),  # before and after its training
        ("scores", signal.SIGTERM, 60, 143),
        ("scores", signal.SIGUSR1, 0.5, 0),  # would start anew: it takes the time that is left
    ],
)
def test_a_signal_ends_a_stage_that_goes_on_with_the_code_of_a_requeue(
    stage: str, number: signal.Signals, seconds: float, code: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, stage, str(seconds)], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    assert process.stdout and process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.wait(30) == code


WAITING = """
import sys
from pathlib import Path
from pipeline.store import Store
from pipeline.job import Job
store = Store(Path(sys.argv[1]))
job = Job("data", None, "key", {}, Path("work"), store, {}, rank=1, lock=None)
print("waits", flush=True)
job.wait_for_rank_0()
print(store.find("data", "key").facts["number"])
"""


@pytest.mark.parametrize("number", [1, 2])
def test_no_rank_ends_before_rank_0_has_published(number: int, tmp_path: Path) -> None:
    """srun --wait would take the first rank's end for that of the step. The second time: a forced run."""
    (tmp_path / "a").write_bytes(b"a")
    for n in range(1, number):
        publish(tmp_path, n)
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    assert process.stdout and process.stdout.readline() == "waits\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    publish(tmp_path, number)
    assert process.communicate(timeout=30)[0] == f"{number}\n"


def publish(runs: Path, number: int) -> None:
    Store(runs).work("data", "key").mkdir(parents=True, exist_ok=True)
    Store(runs).publish(
        "data", "key", files={"a": runs / "a"}, records={}, identity={}, facts={"number": number}, made_by={}
    )


def test_a_machine_without_git_publishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    store = Store(tmp_path / "runs")
    work = store.work("toy", "key")
    work.mkdir(parents=True)
    (work / "a.txt").write_text("result")
    identity = {"config": {}, "inputs": {}, "weights": {}}
    job = Job("toy", None, "key", {}, work, store, identity, rank=0, lock=None)
    job.publish(files={"a.txt": work / "a.txt"}, facts={}, summary="a result", images=1)
    made_by = json.loads((store.path("toy", "key") / "manifest.json").read_text())["made_by"]
    assert made_by["git"] is None and made_by["dirty"] is None


def test_what_another_run_published_meanwhile_is_not_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look for the result and the lock; a network file system makes this window long."""
    words = ["data.py", "--config", str(SMOKE / "data.yaml"), "--runs", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    wait = Store.lock

    def lock(store: Store, stage: str, key: str) -> IO[str]:
        held = wait(store, stage, key)
        (tmp_path / "a").write_bytes(b"a")
        store.publish(stage, key, files={"a": tmp_path / "a"}, records={}, identity={}, facts={}, made_by={})
        return held

    monkeypatch.setattr(Store, "lock", lock)
    with pytest.raises(ValueError, match=r"data: another run has published .* just now; run the same command again"):
        open_job("data")


@pytest.mark.parametrize("launcher", [{"WORLD_SIZE": "2", "RANK": "1"}, {"SLURM_STEP_ID": "0", "SLURM_NTASKS": "2"}])
def test_a_stage_of_one_process_refuses_to_be_several(
    launcher: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in launcher.items():
        monkeypatch.setenv(name, value)
    words = ["data.py", "--config", str(SMOKE / "data.yaml"), "--runs", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(ValueError, match=r"stage data works in one process, the launcher started 2; take .* back to 1"):
        open_job("data")
    assert not (tmp_path / "work").exists()
