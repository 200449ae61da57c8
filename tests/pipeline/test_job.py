"""How stages obey signals when nobody trains."""

import signal
import subprocess
import sys

import pytest

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
