"""The commands of the README, as a user types them."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE
from tests_support import with_inputs_of

from pipeline.graph import Recipe

LIGHTNING = Path(sys.executable).with_name("lightning")


def pipeline(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_finished_recipe_runs_nothing(smoke_runs: Path) -> None:
    done = pipeline("run", SMOKE, "--runs", smoke_runs)
    assert done.returncode == 0 and "17 stages up to date, 0 built" in done.stdout
    assert re.search(r"report: .*/report\.html$", done.stdout.strip())
    assert pipeline("check", SMOKE, "--runs", smoke_runs).stdout.strip() == "all files as published"


def test_plan_and_show(smoke_runs: Path, tmp_path: Path) -> None:
    lines = pipeline("plan", SMOKE, "--runs", smoke_runs).stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [[stage, "published"] for stage in Recipe(SMOKE).nodes]
    shown = pipeline("show", SMOKE, "--runs", tmp_path, "--json").stdout
    assert '"stage": "data"' in shown and '"state": "ready"' in shown


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "nowhere"], "nowhere: no recipe (it has no pipeline.yaml); the default is configs/quickstart"),
        (["plan", "configs/quickstrat"], "no recipe (it has no pipeline.yaml); did you mean configs/quickstart?"),
        (["run", SMOKE, "--until", "tokeniser"], "unknown stage 'tokeniser'; did you mean 'tokenizer'?"),
        (["run", SMOKE, "--set", "tokenizer.gan.wait=1"], "gan: unknown key 'wait'; did you mean 'weight'?"),
    ],
)
def test_wrong_commands_get_one_line(words: list[object], expected: str, tmp_path: Path) -> None:
    done = pipeline(*words, "--runs", tmp_path)
    assert done.returncode == 1 and expected in done.stderr and len(done.stderr.splitlines()) == 1


def test_nothing_is_submitted_that_cannot_begin(tmp_path: Path) -> None:
    source = "--set=data.source={kind: class_folders, root: /nowhere}"
    done = pipeline("slurm", SMOKE, "--runs", tmp_path, source, "--submit")
    assert done.returncode == 1 and done.stderr.startswith("error: data: ") and "/nowhere" in done.stderr


def test_lightning_run_names_the_missing_input(tmp_path: Path) -> None:
    words = [LIGHTNING, "run", "tokenizer", "--config", SMOKE / "tokenizer.yaml", "--runs", tmp_path, "optimizer.lr=1"]
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0
    assert "tokenizer waits for data, which isn't published; run: python -m pipeline run" in done.stderr
    assert "--until data " in done.stderr and "--set=tokenizer.optimizer.lr=1" in done.stderr
    unknown = subprocess.run([str(LIGHTNING), "run", "tokeniser"], capture_output=True, text=True, check=False)
    assert unknown.returncode == 2 and "did you mean 'tokenizer'?" in unknown.stderr
    nowhere = subprocess.run([str(LIGHTNING), "run", "no.py"], capture_output=True, text=True, check=False)
    assert nowhere.returncode == 2 and nowhere.stderr.startswith("lightning run: no.py: no such file; give a stage")


def test_help_of_a_stage_lists_the_options_of_fabric_too() -> None:
    done = subprocess.run([str(LIGHTNING), "run", "tokenizer", "--help"], capture_output=True, text=True, check=True)
    for option in ("--config", "--runs", "--force", "--set", "--devices", "--accelerator", "--num-nodes"):
        assert re.search(rf"(?m)^  {option} .*\w", done.stdout), option


@pytest.mark.parametrize(
    ("name", "code"), [("SIGINT", 130), pytest.param("SIGTERM", 75, marks=pytest.mark.reliability)]
)
def test_a_stop_ends_in_one_line_and_its_code(name: str, code: int, smoke_runs: Path, tmp_path: Path) -> None:
    """torchrun would add a traceback of fifty lines, and end with 1."""
    runs = with_inputs_of(smoke_runs, "tokenizer", tmp_path / "runs")
    words = [
        LIGHTNING,
        "run",
        "tokenizer",
        "--config",
        SMOKE / "tokenizer.yaml",
        "--devices",
        2,
        "--accelerator",
        "cpu",
    ]
    words += ["--runs", runs, "training.updates=5000", "training.validate_every=5000", "runtime.checkpoint_every=1"]
    with (tmp_path / "out.txt").open("w") as out, (tmp_path / "err.txt").open("w") as err:
        running = subprocess.Popen(
            list(map(str, words)), stdout=out, stderr=err, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
        )  # fmt: skip
    until = time.monotonic() + 120
    while not list(runs.glob("work/tokenizer/*/checkpoints/*.ckpt")):
        assert running.poll() is None and time.monotonic() < until, (tmp_path / "err.txt").read_text()
        time.sleep(0.05)
    os.killpg(running.pid, signal.Signals[name])  # as a terminal's Ctrl-C
    assert running.wait(60) == code
    lines = (tmp_path / "err.txt").read_text().splitlines()
    said = [line for line in lines if not line.startswith("Initializing distributed")]  # by each rank's Lightning
    assert said == ["stopped by a signal; the same command goes on"]
    assert "stopped by a signal at update" in (tmp_path / "out.txt").read_text()


def test_readme_commands_exist() -> None:
    """Every option and folder that the README names is there."""
    text = (PROJECT / "README.md").read_text()
    for folder in re.findall(r"(?m)^\| `(\w+/)`", text):
        assert (PROJECT / folder).is_dir(), folder
    for recipe in re.findall(r"configs/[\w/]*\w", text):
        assert list(PROJECT.glob(f"{recipe}*")), recipe
