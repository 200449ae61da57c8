"""A clock that is set back: nothing goes by it but the dates that are shown."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE
from kills import CHECKPOINTED, check_nothing_half_done, digests, kill_once
from surviving import OFTEN, check_end

from tests.debian import program

REQUIRED = os.environ.get("SMALTI_SLURM") == "required"  # 'make reliability' sets it; nothing may be left out then


@pytest.mark.reliability
def test_a_run_goes_on_two_days_before_it_was_begun(
    smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    faketime = program("faketime", "faketime", REQUIRED)
    if faketime is None:
        pytest.skip("needs faketime, Debian's package of this name; SMALTI_SLURM=required installs it")
    runs, log = tmp_path / "runs", tmp_path / "log.txt"
    assert kill_once(runs, SMOKE, OFTEN, "rank 0", "KILL", CHECKPOINTED, log).code
    words = [faketime, "-m", "-f", "-2d", sys.executable, "-m", "pipeline", "run", str(SMOKE), "--runs", str(runs)]
    earlier = {**os.environ, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # as the system's own clock: it is never set back
    changes = [f"--set={change}" for change in OFTEN]
    done = subprocess.run([*words, *changes], cwd=PROJECT, env=earlier, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "resuming from" in done.stdout, done.stderr
    check_nothing_half_done(runs, SMOKE, OFTEN)
    check_end(runs, OFTEN, digests(smoke_runs, SMOKE, []), log)
    times = {
        stage: (made_by["started"], made_by["finished"], made_by["seconds"])
        for manifest in runs.glob("artifacts/*/*/manifest.json")
        for stage, made_by in [(manifest.parent.parent.name, json.loads(manifest.read_text())["made_by"])]
    }
    by_the_true_clock = {stage for stage, (started, _, _) in times.items() if started > times["report"][1]}
    assert by_the_true_clock == {"data", "codebook"} and all(seconds >= 0 for _, _, seconds in times.values()), times
    figure("runs that went on with the clock set back two days, ended equal", "1")
