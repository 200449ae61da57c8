"""Stage scores: figures that a few images can't give, and the judge of the papers."""

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


def test_a_figure_that_a_few_images_cannot_give_is_absent_with_its_reason(
    smoke: dict[str, Artifact], tmp_path: Path
) -> None:
    """It must not cost the other figures, nor the report: days of training came before."""
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
    figures = scores["reconstruction"]["phase1"]
    assert figures["frechet"] is None and figures["psnr"] > 5
    assert "needs at least" in scores["protocol"]["absent"]["reconstruction/phase1/frechet"]
    caption, table = score_tables(scores)[0]
    found = dict(zip(table[0], table[1], strict=True))
    assert found["fd_efficientnet_lite2"] == found["Inception score"] == found["LPIPS"] == "absent", caption
    assert float(found["PSNR of Y, dB"]) > float(found["PSNR dB"]) > 5 and "in the data's order" not in found
    caption, codebook = score_tables(scores)[1]
    assert codebook[0][2] == "of 65,536 tokens" and codebook[1][2] == "absent", caption
    assert "fewer than 65536" in scores["protocol"]["absent"]["reconstruction/val_codebook/usage_65536"]


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
    for phase in ("phase1", "phase2"):
        figures = scores["reconstruction"][phase]
        for name in ("inception_score", "inception_score_in_order"):
            assert 1 - 1e-9 <= figures[name]["mean"] < 1008 and figures[name]["std"] >= 0
    assert score_tables(scores)[0][1][0][-2:] == ["Inception score", "in the data's order"]
    for name in ("ar/phase1", "ar/phase2", "nar/phase1", "nar/phase2"):
        assert 1 - 1e-9 <= scores["generation"][name]["inception_score"]["mean"] < 1008  # 1 but for rounding, or more
        assert "needs at least 4096 images" in scores["protocol"]["absent"][f"generation/{name}/frechet"]


def test_lpips_may_measure_what_another_distance_of_its_network_taught() -> None:
    """SeQ-GAN trains with a raw VGG16 distance and reports LPIPS: the protocol says so. The judge must be another
    network."""
    tokenizer: Any = SimpleNamespace(
        stage="tokenizer", path=Path("tokenizer"), manifest={"weights": {"vgg16.safetensors": "v"}, "inputs": {}},
        config={"perceptual": {"kind": "semantic", "network": {"weights": "vgg16.safetensors"}}},
    )  # fmt: skip
    both = LpipsConfig(), LpipsConfig(backbone="alex", weights="alexnet.safetensors")
    config = ScoresConfig(judge=InceptionConfig(), reconstruction_tap="pooled", generation_tap="pooled", lpips=both)
    weights = {InceptionConfig().weights: "i", LpipsConfig().weights: "v", "alexnet.safetensors": "a"}
    job: Any = SimpleNamespace(
        stage="scores", config=config, identity={"weights": weights}, inputs={"tokenizer": tokenizer}, store=None
    )
    check_judge("inception", job)
    vgg, alex = "vgg, version 0.1, [-1, 1], mean over images", "alex, version 0.1, [-1, 1], mean over images"
    another = f"{vgg}; the same network was a teacher, in another distance"
    assert lpips_protocol(job) == {"lpips_vgg": another, "lpips_alex": alex}
    tokenizer.config = {"perceptual": {"kind": "lpips", "weights": "vgg16.safetensors"}}
    assert lpips_protocol(job) == {"lpips_vgg": f"{vgg}; this very distance was a teacher", "lpips_alex": alex}
    weights[InceptionConfig().weights] = "v"
    with pytest.raises(ValueError, match="judge inception: stage tokenizer was trained with the same network"):
        check_judge("inception", job)
