"""How stages obey signals when nobody trains."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.artifact import Store
from pipeline.process import PREEMPTED, PROJECT

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
from pathlib import Path
from pipeline.artifact import Store
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
