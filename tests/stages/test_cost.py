"""What a recipe will take: FLOPs against the closed form."""

from pathlib import Path

import numpy as np
import pytest
from conftest import PROJECT, SMOKE

from networks.discriminators import build_discriminator
from pipeline.artifact import Store
from pipeline.graph import Recipe
from stages.cost import costs, row_bytes
from stages.params import count


def test_flops_of_a_prior_are_those_of_the_closed_form() -> None:
    """24 x 16 x 768 over N = 256 tokens: 2 FLOPs for each weight of a matrix and token, 4 N^2 C a layer for attention
    (Kaplan et al. 2020, table 1), output layer included; three times that for an update."""
    found, _ = costs(Recipe(PROJECT / "configs" / "imagenet256" / "seqgan"), tflops=312.0, utilisation=0.35)
    layers, width, tokens, codes = 24, 768, 256, 1024
    forward = layers * (2 * tokens * 12 * width**2 + 4 * tokens**2 * width) + 2 * tokens * width * codes
    assert found["ar_prior"].gflops_per_image == pytest.approx(3 * forward / 1e9, rel=0.02)
    assert found["ar_prior"].parameters == 172_648_704
    hours = found["ar_prior"].gflops_per_image * 1e9 * found["ar_prior"].images / (312e12 * 0.35) / 3600
    assert found["ar_prior"].device_hours == pytest.approx(hours)


def test_a_convolution_costs_two_flops_a_weight_and_pixel() -> None:
    """The 64 px network's first layers alone bound it from below, twice the paper's 256 px from above."""
    small = costs(Recipe(PROJECT / "configs" / "quickstart"), 312.0, 0.35)[0]["tokenizer"]
    large = costs(Recipe(PROJECT / "configs" / "imagenet256" / "seqgan"), 312.0, 0.35)[0]["tokenizer"]
    assert 3 * 2 * 64 * 64 * (3 * 16 * 9 + 16 * 16 * 9) / 1e9 < small.gflops_per_image < large.gflops_per_image / 100
    assert large.states_gb == pytest.approx(large.parameters * 20 / 1e9)


def test_all_that_is_trained_counts() -> None:
    """FQGAN's dual tokenizer has 150.4 M parameters in training (its Table 1), predictors and books among them."""
    recipe = Recipe(PROJECT / "configs" / "imagenet256" / "fqgan_dual")
    with_predictors = costs(recipe, 312.0, 0.35)[0]["tokenizer"]
    discriminator = count(build_discriminator(recipe.nodes["tokenizer"].config.discriminator))
    assert with_predictors.parameters - discriminator == pytest.approx(150.4e6, rel=0.001)


def test_passes_that_train_nothing() -> None:
    """CLIP's ViT-L/14 takes 81.1 G multiply-adds (He et al. 2022, open_clip's model profile: 162 GFLOPs for the image
    tower at 224 px); sampling and tokenising follow from a forward each."""
    trained, passes = costs(Recipe(PROJECT / "configs" / "imagenet256" / "vqgan_lc"), 312.0, 0.35)
    assert passes["codebook"].gflops_per_image == pytest.approx(162, rel=0.03)
    assert passes["codebook"].device_hours == pytest.approx(162e9 * 1e6 / (312e12 * 0.35) / 3600, rel=0.03)
    recipe = Recipe(PROJECT / "configs" / "imagenet256" / "seqgan")
    trained, passes = costs(recipe, 312.0, 0.35)
    config = recipe.nodes["samples"].config
    doubled = [own.guidance.scale != (1.0,) for own in (config.ar, config.nar)]
    priors = trained["ar_prior"].gflops_per_image / 3 * (1 + doubled[0])
    priors += trained["nar_prior"].gflops_per_image / 3 * config.nar.steps * (1 + doubled[1])
    assert passes["samples"].images == config.num_samples
    assert priors < passes["samples"].gflops_per_image < 2 * trained["tokenizer"].gflops_per_image + priors
    assert passes["token_shards"].gflops_per_image > 0 and passes["scores"].gflops_per_image > 0


def test_rows_of_features_and_tokens() -> None:
    """16 patches of 768 float16 an image for VQGAN-LC (its section 3.2); 2 views of 256 tokens of 100,000 codes."""
    found = row_bytes(Recipe(PROJECT / "configs" / "imagenet256" / "vqgan_lc"))
    assert found["codebook"] == 16 * 768 * 2
    shards = Recipe(PROJECT / "configs" / "imagenet256" / "vqgan_lc").nodes["token_shards"].config
    assert found["token_shards"] == shards.num_views * 256 * 4


def test_rows_kept_are_as_large_as_foretold(smoke_runs: Path) -> None:
    found = row_bytes(Recipe(SMOKE))
    store = Store(smoke_runs)
    status = Recipe(SMOKE).status(store)
    shards = status["token_shards"].artifact
    assert shards
    rows = shards.facts["num_train"] + shards.facts["num_val"]
    held = sum(np.load(shards.file(name)).nbytes for name in shards.manifest["files"] if "/tokens-" in name)
    assert held == rows * found["token_shards"]
