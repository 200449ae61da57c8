"""Stage scores where a figure can't be had, and with the judge of the papers."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import SMOKE, run_stage_here
from tests_support import write_images, write_inception

from configs.schema.scores import ScoresConfig
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from smalti.config.features import InceptionConfig
from smalti.config.losses import LpipsConfig
from stages.report import score_tables
from stages.results.ancestors import check_judge
from stages.results.score_protocol import lpips_protocol


def scores_of(recipe: Path, runs: Path) -> dict[str, Any]:
    status = Recipe(recipe).status(Store(runs))["scores"]
    assert status.artifact
    return json.loads(status.artifact.file("scores.json").read_text())


def test_what_a_few_images_of_one_class_cannot_give_is_absent_with_its_reason(
    smoke: dict[str, Artifact], tmp_path: Path
) -> None:
    """Nothing is lost behind days of training: the other figures and the report are there."""
    write_images(tmp_path / "images", {"faces": 60})
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "data.yaml").write_text(
        "source: {kind: class_folders, root: ../images}\nimage_size: 64\nval_fraction: 0.2\n"
    )
    (recipe / "scores.yaml").write_text((SMOKE / "scores.yaml").read_text())
    (recipe / "pipeline.yaml").write_text(
        f"# for a test\nstages:\n  data:\n  scores: {{data: data, tokenizer: {smoke['tokenizer'].path}}}\n"
    )
    for stage in ("data", "scores"):
        run_stage_here(stage, recipe, tmp_path / "runs")
    scores = scores_of(recipe, tmp_path / "runs")
    found = scores["reconstruction"]["phase1"]
    assert found["frechet"] is None and found["psnr"] > 5
    assert "needs at least" in scores["protocol"]["absent"]["reconstruction/phase1/frechet"]
    caption, table = score_tables(scores)[0]
    assert table[1][-1] == "absent" and table[0][-1] == "fd_efficientnet_lite2", caption


@pytest.mark.slow
def test_inceptions_pooled_features_give_fid_and_its_logits_the_inception_score(
    smoke: dict[str, Artifact], smoke_runs: Path, tmp_path: Path
) -> None:
    weights = write_inception(tmp_path / "inception.pth")
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "scores.yaml").write_text(
        f"judge: {{kind: inception, weights: {weights}}}\nreconstruction_tap: pooled\ngeneration_tap: pooled\n"
        "reference_images: 20\nclassifier_images: 20\nnum_pictures: 2\n"
    )
    inputs = ", ".join(f"{name}: {smoke[name].path}" for name in ("data", "tokenizer", "decoder", "samples"))
    (recipe / "pipeline.yaml").write_text(f"# for a test\nstages:\n  scores: {{{inputs}}}\n")
    run_stage_here("scores", recipe, tmp_path / "runs")
    scores = scores_of(recipe, tmp_path / "runs")
    assert scores["protocol"]["generation_distance"] == scores["protocol"]["reconstruction_distance"] == "FID"
    for name in ("ar/phase1", "ar/phase2", "nar/phase1", "nar/phase2"):
        assert 1 - 1e-9 <= scores["generation"][name]["inception_score"]["mean"] < 1008  # 1 but for rounding, or more
        assert "needs at least 4096 images" in scores["protocol"]["absent"][f"generation/{name}/frechet"]


def test_lpips_may_measure_what_another_distance_of_its_network_taught() -> None:
    """SeQ-GAN's raw VGG16 distance trains, LPIPS is reported: the protocol says so. The judge must be another."""
    tokenizer: Any = SimpleNamespace(
        stage="tokenizer", path=Path("tokenizer"), manifest={"weights": {"vgg16.safetensors": "v"}, "inputs": {}}
    )
    config = ScoresConfig(
        judge=InceptionConfig(), reconstruction_tap="pooled", generation_tap="pooled", lpips=LpipsConfig()
    )
    weights = {InceptionConfig().weights: "i", LpipsConfig().weights: "v"}
    job: Any = SimpleNamespace(
        config=config, identity={"weights": weights}, inputs={"tokenizer": tokenizer}, store=None
    )
    check_judge("inception", job)
    assert lpips_protocol(job).endswith("the same VGG16 was a teacher, in another distance")
    weights[InceptionConfig().weights] = "v"
    with pytest.raises(ValueError, match="judge inception: stage tokenizer was trained with the same network"):
        check_judge("inception", job)
