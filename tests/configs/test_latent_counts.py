"""The priors over latents of the papers' recipes, built on the meta device, have their count to the parameter."""

from pathlib import Path

import pytest
from layer_counts import linear

from pipeline.graph import Recipe
from stages.commands.params import parameter_counts

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def dit_xl(channels: int, classes: int = 1000, width: int = 1152, layers: int = 28) -> int:
    """facebookresearch/DiT models.py, DiT-XL/2: patches of 2 x 2 in, twice their channels out; AdaLN of six parts."""
    block = 4 * linear(width, width) + linear(width, 4 * width) + linear(4 * width, width) + linear(width, 6 * width)
    condition = linear(256, width) + linear(width, width) + (classes + 1) * width
    ends = linear(4 * channels, width) + linear(width, 2 * width) + linear(width, 4 * 2 * channels)
    return ends + condition + layers * block


def unet(released: int, of_channels: int, channels: int, classes: int) -> int:
    """The UNet of VQGAN-LC's released configs, which has ``of_channels``: first and last convolution, 3 x 3 and 256
    channels wide, have others here. Rows of classes, and of none, are 512 wide."""
    more = channels - of_channels
    return released + more * (2 * 9 * 256 + 1) + (classes + 1) * 512


F16, F8 = 270_265_864, 394_984_196  # built from ldm-lc's own code: 8 channels at f 16, 4 at f 8
RECIPES = {
    "imagenet256/vqgan_latents": {
        "ldm_prior": unet(F16, 8, 256, 1000), "dit_prior": dit_xl(256), "sit_prior": dit_xl(256)
    },
    "imagenet256/vqgan_lc_latents": {
        "ldm_prior": unet(F16, 8, 8, 1000), "dit_prior": dit_xl(8), "sit_prior": dit_xl(8)
    },
    "imagenet256/vqgan_lc_f8_latents": {"ldm_prior": unet(F8, 4, 8, 1000)},
    "ffhq256/vqgan_lc_latents": {"ldm_prior": unet(F16, 8, 8, 0)},
    "ffhq256/vqgan_fc_latents": {"ldm_prior": unet(F16, 8, 8, 0)},
}  # fmt: skip


def test_the_closed_form_gives_dit_xl() -> None:
    """VQGAN-LC's released DiT-XL/2 on 8 x 16 x 16: 674,890,048 are trained, the positions aren't."""
    assert dit_xl(8) == 674_890_048


@pytest.mark.parametrize("name", RECIPES)
def test_priors_over_latents_have_their_counts(name: str) -> None:
    counts = parameter_counts(Recipe(CONFIGS / name))
    found = {stage: counts[stage]["total"] for stage in ("ldm_prior", "dit_prior", "sit_prior") if stage in counts}
    assert found == RECIPES[name]


def test_every_recipe_of_latents_is_counted() -> None:
    papers = [file for file in CONFIGS.glob("*/*_latents/pipeline.yaml") if file.parent.parent.name != "claims"]
    assert {str(file.parent.relative_to(CONFIGS)) for file in papers} == RECIPES.keys()
