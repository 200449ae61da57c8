"""The classifiers of the papers' recipes, built on the meta device, have their count to the parameter."""

from pathlib import Path

import pytest
from layer_counts import linear

from pipeline.graph import Recipe
from stages.commands.cost import costs
from stages.commands.params import parameter_counts

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
RECIPES = {
    "imagenet256/vqgan_lc_classifier": (8, 86_030_056),
    "imagenet256/vqgan_fc_classifier": (8, 86_030_056),
    "imagenet256/vqgan_ema_classifier": (256, 86_220_520),
}


def vit(channels: int, tokens: int, width: int, layers: int, classes: int) -> int:
    """Patch embedding, class token, positions; blocks of two norms, attention and MLP; norm, head."""
    block = 2 * 2 * width + linear(width, 3 * width) + linear(width, width)
    block += linear(width, 4 * width) + linear(4 * width, width)
    positions = (tokens + 1) * width
    return linear(channels, width) + width + positions + layers * block + 2 * width + linear(width, classes)


def test_the_closed_form_gives_vit_b() -> None:
    """timm's vit_base_patch16_224: 86,567,656 parameters, patches of 16 x 16 x 3 numbers at 196 positions."""
    assert vit(16 * 16 * 3, 196, 768, 12, 1000) == 86_567_656


@pytest.mark.parametrize("name", RECIPES)
def test_classifier_has_its_count(name: str) -> None:
    channels, number = RECIPES[name]
    counts = parameter_counts(Recipe(CONFIGS / name))
    assert counts["classifier"]["total"] == number == vit(channels, 256, 768, 12, 1000)
    assert counts.keys() == {"tokenizer", "classifier"}


def test_every_recipe_of_a_classifier_is_counted() -> None:
    found = {str(file.parent.relative_to(CONFIGS)) for file in CONFIGS.glob("*/*_classifier/pipeline.yaml")}
    assert found == RECIPES.keys()


def test_cost_of_an_update_is_three_forward_passes() -> None:
    """Two FLOPs a multiply-add: patch embedding, blocks of projections, MLP and attention over 257 positions, head."""
    cost = costs(Recipe(CONFIGS / "imagenet256" / "vqgan_lc_classifier"), tflops=1, utilisation=1)["classifier"]
    width, positions = 768, 257
    block = positions * (4 * width**2 + 8 * width**2) + 2 * positions**2 * width
    forward = 2 * (256 * 8 * width + 12 * block + width * 1000)
    assert cost.gflops_per_image == pytest.approx(3 * forward / 1e9, rel=1e-9)
    assert cost.images == 125_100 * 1024
