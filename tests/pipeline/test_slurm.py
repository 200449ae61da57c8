"""Job scripts against a committed record."""

import shutil
import sys
from pathlib import Path

import pytest
from conftest import PROJECT

from pipeline.graph import Recipe
from pipeline.slurm import job_script, submit, write_jobs
from pipeline.store import Store

SEQGAN = PROJECT / "configs" / "imagenet256" / "seqgan"
GOLDEN = PROJECT / "tests" / "golden" / "tokenizer-2x8.sbatch"


def test_two_nodes_of_eight_gpus() -> None:
    changes = ["tokenizer.runtime.num_nodes=2"]
    recipe = Recipe(SEQGAN, changes)
    text = job_script(recipe.nodes["tokenizer"], recipe, Store(Path("/runs")), changes, True, ["--time=24:00:00"])
    found = text.replace(sys.executable, "PYTHON").replace(str(PROJECT), "PROJECT")
    assert found == GOLDEN.read_text()


def test_only_what_is_missing_gets_a_job_and_data_gets_no_gpu(smoke_runs: Path, tmp_path: Path) -> None:
    smoke = PROJECT / "configs" / "smoke"
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "artifacts").symlink_to(smoke_runs / "artifacts")
    (runs / "data").symlink_to(smoke_runs / "data")
    assert write_jobs(Recipe(smoke), Store(runs), [], True, []) == {}
    changes = ["nar_prior.training.updates=3"]
    assert list(write_jobs(Recipe(smoke, changes), Store(runs), changes, True, [])) == [
        "nar_prior", "sweep", "samples", "scores", "views", "report",
    ]  # fmt: skip
    assert "gpus" in (runs / "slurm" / "scores.sbatch").read_text()
    assert "gpus" not in (runs / "slurm" / "report.sbatch").read_text()


def test_a_folder_with_a_space_is_one_word(tmp_path: Path) -> None:
    """sbatch refuses the rest of an unquoted name as an invalid directive."""
    recipe = Recipe(PROJECT / "configs" / "smoke")
    text = job_script(recipe.nodes["data"], recipe, Store(Path("/my runs")), [], False, [])
    assert '#SBATCH --output="/my runs/slurm/data-%j.log"' in text
    assert "--runs '/my runs'" in text


@pytest.mark.parametrize("where", ["runs", "change", "option", "recipe"])
def test_a_line_break_is_no_line_of_the_script(where: str, tmp_path: Path) -> None:
    """Behind "#SBATCH --output=..." it would be a command, and run."""
    bad = f"x\ntouch {tmp_path / 'ran'}"
    folder = tmp_path / (bad.replace("/", "_") if where == "recipe" else "recipe")
    shutil.copytree(PROJECT / "configs" / "smoke", folder)
    recipe = Recipe(folder)
    runs, changes = (tmp_path / bad if where == "runs" else tmp_path), [f"data.seed={bad}"] if where == "change" else []
    with pytest.raises(ValueError, match="has a line break or another control character"):
        job_script(recipe.nodes["data"], recipe, Store(runs), changes, False, [bad] if where == "option" else [])


def test_jobs_that_are_queued_when_sbatch_refuses_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without their numbers the next attempt would queue them twice."""
    (tmp_path / "sbatch").write_text('#!/bin/sh\ncase "$*" in *codebook*) echo no room >&2; exit 1;; esac; echo 17\n')
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    recipe = Recipe(PROJECT / "configs" / "smoke")
    with pytest.raises(
        ValueError, match=r"codebook\.sbatch: sbatch refused: no room; queued already: 17, take them back"
    ):
        submit(recipe, {"data": tmp_path / "data.sbatch", "codebook": tmp_path / "codebook.sbatch"})


def test_submitting_without_slurm_says_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    recipe = Recipe(PROJECT / "configs" / "smoke")
    with pytest.raises(ValueError, match="sbatch: no such command; submit on a login node"):
        submit(recipe, {"data": tmp_path / "data.sbatch"})
