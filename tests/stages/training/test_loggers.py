"""Loggers: curves, pictures and settings in each; none writes nothing."""

import csv
import importlib.util
import sys
from pathlib import Path

import pytest
import yaml
from conftest import SMOKE, RunStage
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pipeline.board import gather
from pipeline.graph import Recipe
from pipeline.store import Store

SHORT = ["data.max_images=120", "tokenizer.training.updates=4", "tokenizer.training.validate_every=2"]
SHORT += ["tokenizer.runtime.log_every=1", "codebook.num_codes=16", "codebook.iterations=1"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loggers")


def train(logger: str, runs: Path, run_stage: RunStage) -> Path:
    """Trains a tokenizer with a logger; returns its work folder. Another seed for each: a logger is no part of the
    key."""
    changes = [*SHORT, f"tokenizer.runtime.logger={logger}", f"tokenizer.training.seed={len(logger)}"]
    for stage in ("data", "codebook", "tokenizer"):
        run_stage(stage, SMOKE, runs, *(f"--set={change}" for change in changes))
    store = Store(runs)
    status = Recipe(SMOKE, changes).status(store)["tokenizer"]
    assert status.artifact and status.key
    return store.work("tokenizer", status.key)


def test_tensorboard_and_its_board(runs: Path, run_stage: RunStage) -> None:
    work = train("tensorboard", runs, run_stage)
    found = EventAccumulator(str(work / "tensorboard"), size_guidance={"images": 0})
    found.Reload()
    assert "preview" in found.Tags()["images"] and "val/psnr" in found.Tags()["scalars"]
    settings = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    assert b"training.updates" in settings and b"quantizer.kind" in settings
    changes = [*SHORT, "tokenizer.training.seed=11"]
    folder = gather(Recipe(SMOKE, changes), Store(runs))
    (link,) = folder.iterdir()
    assert link.name == "tokenizer" and link.resolve() == (work / "tensorboard").resolve()


def test_csv(runs: Path, run_stage: RunStage) -> None:
    work = train("csv", runs, run_stage)
    rows = list(csv.DictReader((work / "csv" / "metrics.csv").open()))
    assert any(row.get("val/psnr") for row in rows) and any(row.get("train/l1") for row in rows)
    settings = yaml.safe_load((work / "csv" / "hparams.yaml").read_text())
    assert settings["training.updates"] == 4 and settings["stage"] == "tokenizer"


def test_none(runs: Path, run_stage: RunStage) -> None:
    work = train("none", runs, run_stage)
    assert [path.name for path in work.iterdir()] == ["lock"]


@pytest.mark.skipif(importlib.util.find_spec("wandb") is not None, reason="wandb is installed")
def test_wandb_says_what_is_missing(runs: Path, run_stage: RunStage) -> None:
    with pytest.raises(ValueError, match=r"tokenizer.runtime.logger wandb: the package isn't installed; pip install"):
        train("wandb", runs, run_stage)
    assert "wandb" not in sys.modules


@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is an extra")
def test_wandb_offline(runs: Path, run_stage: RunStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    work = train("wandb", runs, run_stage)
    (run,) = (work / "wandb").glob("offline-run-*")
    assert list(run.glob("*.wandb")) and list((run / "files").rglob("*.png"))


def test_a_recipe_that_wrote_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no stage has written for TensorBoard yet"):
        gather(Recipe(SMOKE), Store(tmp_path))
