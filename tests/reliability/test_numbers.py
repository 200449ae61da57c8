"""Bad numbers: skipped, counted, and after too many in a row a stop that leaves the evidence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import SMOKE, run_stage_here
from safetensors.torch import load_file
from tests_support import with_inputs_of
from torch import Tensor
from trainings import TRAININGS

from lit_modules.training import MAX_SKIPPED, LitTraining, NonFinite
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.codebooks.search import nearest_codes


def plant(place: str, first: int, last: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a NaN into data, loss or gradient of the updates from ``first`` to ``last``."""
    if place == "data":
        import datamodules.images as images

        original = images.to_unit_range

        def spoiled(batch: dict[str, Tensor]) -> dict[str, Tensor]:
            batch = original(batch)
            if "position" in batch and first <= int(batch["position"][0]) // len(batch["position"]) <= last:
                batch["images"][0, 0, 0, 0] = torch.nan
            return batch

        monkeypatch.setattr(images, "to_unit_range", spoiled)
        return
    optimise = LitTraining.optimise

    def wrong(self: LitTraining, loss: Tensor, batch_idx: int, active: Any = None) -> None:
        if first <= self.update <= last:
            if place == "loss":
                loss = loss * torch.nan
            else:
                parameter = next(p for p in self.network.parameters() if p.requires_grad)
                handle = parameter.register_hook(lambda gradient: gradient * torch.inf)
                optimise(self, loss, batch_idx, active)
                handle.remove()
                return
        optimise(self, loss, batch_idx, active)

    monkeypatch.setattr(LitTraining, "optimise", wrong)


@pytest.mark.parametrize(
    ("stage", "place"),
    [("tokenizer", "data"), ("ar_prior", "loss"), ("nar_prior", "gradient"), ("classifier", "gradient")],
)
def test_a_few_bad_updates_are_skipped_and_counted(
    stage: str, place: str, smoke_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = with_inputs_of(smoke_runs, stage, tmp_path / "runs")
    plant(place, 3, 4, monkeypatch)
    words = ["training.updates=6", "training.validate_every=6"]
    run_stage_here(stage, SMOKE, runs, *words)
    found = Recipe(SMOKE, [f"{stage}.{word}" for word in words]).status(Store(runs))[stage].artifact
    assert found and found.facts["skipped_updates"] == 2
    weights = load_file(next(found.path.glob("*.safetensors")))
    assert all(value.isfinite().all() for value in weights.values() if value.is_floating_point())


def test_too_many_in_a_row_stop_with_a_dump(smoke_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = with_inputs_of(smoke_runs, "ar_prior", tmp_path / "runs")
    plant("loss", 6, 999, monkeypatch)
    words = ["training.updates=60", "runtime.checkpoint_every=5"]
    with pytest.raises(NonFinite, match=f"{MAX_SKIPPED} updates in a row had non-finite gradients"):
        run_stage_here("ar_prior", SMOKE, runs, *words)
    status = Recipe(SMOKE, [f"ar_prior.{word}" for word in words]).status(Store(runs))["ar_prior"]
    assert status.key and status.artifact is None
    dump = json.loads((Store(runs).work("ar_prior", status.key) / "non_finite-0.json").read_text())
    assert dump["update"] == 6 + MAX_SKIPPED - 1
    assert dump["positions"] == list(range(dump["update"] * 32, dump["update"] * 32 + 32))
    assert dump["terms"]["gradient_norm/0"] == "nan" and float(dump["terms"]["train/loss"]) > 0
    assert dump["last_checkpoint"] == "step=00000025.ckpt"


@pytest.mark.parametrize(
    "stage",
    [pytest.param(s, marks=pytest.mark.reliability if s in ("tokenizer", "decoder") else []) for s in TRAININGS],
)
def test_fifty_updates_in_bfloat16_stay_finite(
    stage: str, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    runs = with_inputs_of(smoke_runs, stage, tmp_path / "runs")
    words = ["training.updates=50", "training.validate_every=50", "training.precision=bf16-mixed"]
    run_stage_here(stage, SMOKE, runs, *words)
    found = Recipe(SMOKE, [f"{stage}.{word}" for word in words]).status(Store(runs))[stage].artifact
    assert found and found.facts["skipped_updates"] == 0
    figure(f"bfloat16, 50 updates of {stage}: skipped", "0")


def test_search_is_float32_under_autocast() -> None:
    latents, codebook = torch.randn(500, 8) + 20, torch.randn(1000, 8) + 20
    expected = nearest_codes(latents, codebook)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(nearest_codes(latents, codebook), expected)
