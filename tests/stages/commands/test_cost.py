"""Costs of a recipe: FLOPs against the closed form, disk space against what is written."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import PROJECT, SMOKE

from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from smalti.discriminators import build_discriminator
from stages.commands.cost import costs
from stages.commands.disk_use import Rows, rows_of, sample_bytes
from stages.commands.inference_flops import feature_flops, flops, pass_costs
from stages.commands.params import count


def test_flops_of_a_prior_are_those_of_the_closed_form() -> None:
    """24 x 16 x 768 over N = 256 tokens: 2 FLOPs for each weight of a matrix and token, 4 N^2 C a layer for attention
    (Kaplan et al. 2020, table 1), output layer included; three times that for an update."""
    recipe = Recipe(PROJECT / "configs" / "imagenet256" / "seqgan")
    cost = costs(recipe, tflops=312.0, utilisation=0.35)["ar_prior"]
    layers, width, tokens, codes = 24, 768, 256, 1024
    forward = layers * (2 * tokens * 12 * width**2 + 4 * tokens**2 * width) + 2 * tokens * width * codes
    assert cost.gflops_per_image == pytest.approx(3 * forward / 1e9, rel=0.02)
    assert cost.parameters == 172_648_704
    hours = cost.gflops_per_image * 1e9 * cost.images / (312e12 * 0.35) / 3600
    assert cost.device_hours == pytest.approx(hours)


def test_a_convolution_costs_two_flops_a_weight_and_pixel() -> None:
    """The 64 px network takes more than its first layers alone, and less than a hundredth of the paper's at 256 px."""
    small = costs(Recipe(PROJECT / "configs" / "quickstart"), 312.0, 0.35)["tokenizer"]
    large = costs(Recipe(PROJECT / "configs" / "imagenet256" / "seqgan"), 312.0, 0.35)["tokenizer"]
    assert 3 * 2 * 64 * 64 * (3 * 16 * 9 + 16 * 16 * 9) / 1e9 < small.gflops_per_image < large.gflops_per_image / 100
    assert large.states_gb == pytest.approx(large.parameters * 20 / 1e9)


def test_predictors_and_books_are_counted() -> None:
    """FQGAN's dual tokenizer trains 150.4 M parameters (its Table 1), predictors and books among them."""
    recipe = Recipe(PROJECT / "configs" / "imagenet256" / "fqgan_dual")
    with_predictors = costs(recipe, 312.0, 0.35)["tokenizer"]
    discriminator = count(build_discriminator(recipe.nodes["tokenizer"].config.discriminator))
    assert with_predictors.parameters - discriminator == pytest.approx(150.4e6, rel=0.001)


def test_stages_that_train_nothing() -> None:
    """CLIP's ViT-L/14 takes 162 GFLOPs an image (open_clip's model profile). A forward pass of a trained network is a
    third of its update; guidance doubles it."""
    codebook = pass_costs(Recipe(PROJECT / "configs" / "imagenet256" / "vqgan_lc"), speed=1e14)["codebook"]
    assert codebook.gflops_per_image == pytest.approx(162, rel=0.03)
    assert codebook.device_hours == pytest.approx(162e9 * 1e6 / 1e14 / 3600, rel=0.03)

    guided = ["samples.nar.guidance.scale=[2.0]", "nar_prior.label_dropout=0.1"]
    recipe = Recipe(PROJECT / "configs" / "imagenet256" / "seqgan", guided)
    trained, passes = costs(recipe, 312.0, 0.35), pass_costs(recipe, 1e14)
    discriminator = build_discriminator(recipe.nodes["tokenizer"].config.discriminator)
    discriminating = flops(lambda: discriminator(torch.zeros(1, 3, 256, 256))) / 1e9
    ar, nar = (trained[stage].gflops_per_image / 3 for stage in ("ar_prior", "nar_prior"))
    whole, decoder = ((trained[stage].gflops_per_image - 8 * discriminating) / 3 for stage in ("tokenizer", "decoder"))
    encoder = passes["token_shards"].gflops_per_image / recipe.nodes["token_shards"].config.num_views
    samples = recipe.nodes["samples"].config
    expected = ar + 2 * samples.nar.steps * nar + 2 * (whole - encoder + decoder)
    assert passes["samples"].gflops_per_image == pytest.approx(expected, rel=1e-6)
    assert passes["samples"].images == samples.num_samples
    with torch.device("meta"):
        judge = feature_flops(recipe.nodes["scores"].config.judge, 256) / 1e9
    assert passes["scores"].gflops_per_image == pytest.approx(whole + decoder + 3 * judge, rel=1e-6)
    assert 0.2 * whole < encoder < 0.8 * whole


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("codebook.features.model=ViT-Q-7", "open_clip has no model 'ViT-Q-7'"),
        ("codebook.features.input_size=336", "open_clip takes no images of 336 px"),
    ],
)
def test_networks_that_cannot_be_counted_are_named(change: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        pass_costs(Recipe(PROJECT / "configs" / "imagenet256" / "vqgan_lc", [change]), 1e14)


def test_rows_of_features_and_tokens() -> None:
    """VQGAN-LC keeps 16 patches of 768 float16 an image (its section 3.2); a token of 100,000 codes takes 4 bytes."""
    recipe = Recipe(PROJECT / "configs" / "imagenet256" / "vqgan_lc")
    rows = rows_of(recipe)
    assert rows["codebook"] == Rows(16 * 768 * 2, ("train",))
    assert rows["token_shards"] == Rows(recipe.nodes["token_shards"].config.num_views * 256 * 4, ("train", "val"))


def test_rows_and_samples_are_as_large_as_estimated(smoke_runs: Path) -> None:
    store = Store(smoke_runs)
    status = Recipe(SMOKE).status(store)
    shards = status["token_shards"].artifact
    assert shards
    rows = rows_of(Recipe(SMOKE))["token_shards"]
    number = sum(shards.facts[f"num_{split}"] for split in rows.splits)
    token_bytes = sum(np.load(shards.file(name)).nbytes for name in shards.manifest["files"] if "/tokens-" in name)
    assert token_bytes == number * rows.bytes_per_image
    samples = status["samples"].artifact
    assert samples
    shards_of_samples = [name for name in samples.manifest["files"] if "/" in name]
    assert sum(np.load(samples.file(name)).nbytes for name in shards_of_samples) == sample_bytes(Recipe(SMOKE))


def test_samples_of_two_priors_by_two_decoders() -> None:
    recipe = Recipe(PROJECT / "configs" / "imagenet256" / "seqgan", ["samples.num_samples=50000"])
    assert sample_bytes(recipe) == 50_000 * 2 * (2 * 3 * 256**2 + 256 * 2)  # 256 tokens of 1,024 codes: 2 bytes each


def test_images_that_are_published_are_counted(smoke: dict[str, Artifact]) -> None:
    facts, recipe = smoke["data"].facts, Recipe(PROJECT / "configs" / "smoke")
    found, assumed = pass_costs(recipe, 1e14, smoke["data"]), pass_costs(recipe, 1e14)
    expected = {"codebook": facts["num_train"], "scores": facts["num_val"], "sweep": 2 * 2 * 36, "samples": 54}
    expected |= dict.fromkeys(("token_shards", "latent_shards"), facts["num_train"] + facts["num_val"])
    assert {stage: one.images for stage, one in found.items()} == expected
    assert assumed["codebook"].images == 1_000_000
    assert found["codebook"].device_hours == pytest.approx(assumed["codebook"].device_hours * facts["num_train"] / 1e6)
