"""A real SLURM of one node: the chain, two tasks, preemption, failure."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE
from kills import digests
from tests_support import with_inputs_of, write_first_stages
from trainings import Ranks, command, wait_for_update, work_folder

from pipeline.graph import Recipe
from pipeline.store import Store

REQUIRED = os.environ.get("SMALTI_SLURM") == "required"
pytestmark = pytest.mark.skipif(
    not REQUIRED, reason="starts a SLURM of its own, as root, on SMALTI_SLURM=required ('make reliability' sets it)"
)
TWO_TASKS = ["runtime.devices=2", "runtime.accelerator=cpu", "runtime.threads=1", "runtime.checkpoint_every=1"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which SLURM's commands reach a cluster that ends with these tests."""
    folder = tmp_path_factory.mktemp("slurm")
    script = Path(__file__).with_name("start.sh")
    started = subprocess.run([script, folder], capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr
    yield {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    for name in ("slurmd", "slurmctld"):
        pid = int((folder / f"{name}.pid").read_text())
        os.kill(pid, 15)


def run(cluster: dict[str, str], *words: str) -> str:
    done = subprocess.run(words, env=cluster, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def submit(
    cluster: dict[str, str], runs: Path, *changes: str, options: Sequence[str] = (), recipe: Path = SMOKE
) -> dict[str, str]:
    """Submits what isn't published of a recipe; returns job ids by stage."""
    words = [sys.executable, "-m", "pipeline", "slurm", str(recipe), "--runs", str(runs), "--no-gpus", "--submit"]
    lines = run(cluster, *words, *options, *(f"--set={change}" for change in changes)).splitlines()
    return {line.split()[0]: line.split()[1] for line in lines}


def state(cluster: dict[str, str], job: str) -> str:
    text = run(cluster, "scontrol", "show", "job", job)
    return text.partition("JobState=")[2].split()[0]


def last_words(runs: Path) -> str:
    return "\n".join(path.read_text()[-2000:] for path in (runs / "slurm").glob("*.log"))


def wait_for(cluster: dict[str, str], job: str, runs: Path, *wanted: str) -> str:
    """Returns the state of a job once it is one of ``wanted``."""
    until = time.monotonic() + 600
    while (now := state(cluster, job)) not in wanted:
        assert now in ("PENDING", "RUNNING", "COMPLETING", *wanted), f"{job} {now}\n{last_words(runs)}"
        assert time.monotonic() < until, f"{job} {now}\n{last_words(runs)}"
        time.sleep(0.2)
    return now


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.reliability)])
def test_the_chain_completes_and_a_requeued_stage_goes_on_exactly(
    whole: bool, cluster: dict[str, str], smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    """configs/smoke or its first stages, the tokenizer on two tasks, requeued in the middle of its training."""
    recipe = SMOKE if whole else write_first_stages(tmp_path / "recipe")
    runs = tmp_path / "runs"
    changes = [f"tokenizer.{change}" for change in TWO_TASKS]
    jobs = submit(cluster, runs, *changes, recipe=recipe)
    assert list(jobs) == list(Recipe(recipe).nodes)
    wait_for(cluster, jobs["codebook"], runs, "COMPLETED")
    wait_for_update(work_folder("tokenizer", runs, TWO_TASKS), 3)
    run(cluster, "scontrol", "requeue", jobs["tokenizer"])
    wait_for(cluster, jobs["tokenizer"], runs, "PENDING")
    assert state(cluster, jobs["token_shards"]) == "PENDING"
    run(cluster, "scontrol", "update", f"JobId={jobs['tokenizer']}", "StartTime=now")
    for job in jobs.values():
        wait_for(cluster, job, runs, "COMPLETED")
    log = next((runs / "slurm").glob("tokenizer-*.log")).read_text()
    assert "stopped by a signal at update" in log and "resuming from stopped-step=" in log
    assert log.count("all files as published") == 1

    straight = with_inputs_of(smoke_runs, "tokenizer", tmp_path / "straight")
    ranks = Ranks(2)
    ranks.start(2, command("tokenizer", straight, tmp_path / "kept.ckpt", 2, TWO_TASKS))
    assert ranks.wait(2) == [0, 0]
    expected = Recipe(recipe, changes).status(Store(straight))["tokenizer"].artifact
    assert expected and digests(runs, recipe, changes)["tokenizer"] == expected.digest
    stages = "the whole chain" if whole else "the first stages"
    figure(f"SLURM jobs of {stages}, one requeued and equal to an undisturbed run", str(len(jobs)))


@pytest.mark.reliability
def test_a_time_limit_is_survived(
    cluster: dict[str, str], smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    """Three minutes of limit, the signal two minutes before: the training saves, its script requeues it, and it ends as
    it would have without a limit."""
    own = ["runtime.devices=2", "runtime.accelerator=cpu", "runtime.threads=1", "training.updates=1500"]
    changes = [f"ar_prior.{change}" for change in (*own, "training.validate_every=1500")]
    runs = with_inputs_of(smoke_runs, "ar_prior", tmp_path / "runs")
    jobs = submit(cluster, runs, *changes, options=["--sbatch=--time=3"])
    wait_for(cluster, jobs["ar_prior"], runs, "COMPLETED")
    run(cluster, "scancel", *(job for stage, job in jobs.items() if stage != "ar_prior"))
    log = next((runs / "slurm").glob("ar_prior-*.log")).read_text()
    assert "stopped by a signal at update" in log and "resuming from stopped-step=" in log

    straight = with_inputs_of(smoke_runs, "ar_prior", tmp_path / "straight")
    ranks = Ranks(2)
    ranks.start(2, command("ar_prior", straight, tmp_path / "kept", 2, [*own, "training.validate_every=1500"]))
    assert ranks.wait(2) == [0, 0]
    assert digests(runs, SMOKE, changes)["ar_prior"] == digests(straight, SMOKE, changes)["ar_prior"]
    figure("SLURM time limits survived, equal to an undisturbed run", str(log.count("stopped by a signal")))


def test_a_failed_stage_stops_what_depends_on_it(cluster: dict[str, str], tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    jobs = submit(cluster, runs, "codebook.num_codes=100000")
    assert wait_for(cluster, jobs["codebook"], runs, "FAILED", "COMPLETED") == "FAILED"
    for stage in ("tokenizer", "ar_prior", "report"):
        wait_for(cluster, jobs[stage], runs, "CANCELLED")
    assert not (runs / "artifacts" / "tokenizer").exists()
    log = next((runs / "slurm").glob("codebook-*.log")).read_text()
    assert "error: all images: codebook of 100000 codes from" in log


def test_tasks_that_the_recipe_does_not_know_are_refused(
    cluster: dict[str, str], smoke_runs: Path, tmp_path: Path
) -> None:
    """Two tasks of a recipe for one device would be two trainings over each other."""
    runs = with_inputs_of(smoke_runs, "ar_prior", tmp_path / "runs")
    words = ["stages/ar_prior.py", "--config", str(SMOKE / "ar_prior.yaml"), "--runs", str(runs)]
    done = subprocess.run(
        ["srun", "-n", "2", sys.executable, *words],
        env=cluster,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "error: the launcher started 2 processes, the recipe asks for 1" in done.stderr
    assert not (runs / "artifacts" / "ar_prior").exists()
