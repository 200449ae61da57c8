"""Every stage, and every kind of codebook, on NVIDIA GPUs (``make test-gpu``)."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import PROJECT, SMOKE

from pipeline.graph import Recipe
from pipeline.store import Store

pytestmark = pytest.mark.gpu
ALL = max(1, torch.cuda.device_count())


def run(recipe: Path, runs: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "run", str(recipe), "--runs", str(runs), *words],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.parametrize("devices", sorted({1, min(2, ALL)}))
def test_every_stage_runs_and_publishes(devices: int, tmp_path: Path) -> None:
    """Frozen networks follow their owner back to the CPU; metrics are gathered where NCCL finds them."""
    stages = ("tokenizer", "decoder", "token_shards", "ar_prior", "nar_prior", "classifier", "samples", "scores")
    changes = [f"{stage}.runtime.{change}" for stage in stages for change in (f"devices={devices}", "accelerator=cuda")]
    run(SMOKE, tmp_path, *(f"--set={change}" for change in changes))
    assert all(status.artifact for status in Recipe(SMOKE, changes).status(Store(tmp_path)).values())


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("recipe", sorted((PROJECT / "configs" / "small").iterdir()), ids=lambda path: path.name)
def test_every_codebook_trains(recipe: Path, precision: str, tmp_path: Path) -> None:
    changes = [
        "tokenizer.training.updates=10", "tokenizer.training.validate_every=10",
        f"tokenizer.training.precision={precision}", "tokenizer.runtime.accelerator=cuda",
    ]  # fmt: skip
    run(recipe, tmp_path, "--until", "tokenizer", *(f"--set={change}" for change in changes))
    assert Recipe(recipe, changes).status(Store(tmp_path))["tokenizer"].artifact


def test_a_factorised_prior_is_compiled_trained_and_sampled_with_guidance(tmp_path: Path) -> None:
    """As the papers' recipes have it: llama blocks with rotations, the AR head, torch.compile, bfloat16 weights."""
    stages = ("tokenizer", "token_shards", "ar_prior", "samples")
    changes = [
        *(f"{stage}.runtime.accelerator=cuda" for stage in stages), "tokenizer.training.updates=10",
        "tokenizer.training.validate_every=10", "ar_prior.training.updates=10", "ar_prior.training.validate_every=5",
        "ar_prior.runtime.compile=true", "samples.precision=bf16-true", "samples.num_samples=36",
    ]  # fmt: skip
    recipe = PROJECT / "configs" / "small" / "fqgan_dual"
    run(recipe, tmp_path, "--until", "samples", *(f"--set={change}" for change in changes))
    assert Recipe(recipe, changes).status(Store(tmp_path))["samples"].artifact
