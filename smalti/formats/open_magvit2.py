"""Open-MAGVIT2's tokenizer (Luo et al. 2024), by the averaged weights where the checkpoint has them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from smalti.config.autoencoders import OpenMagvit2Config
from smalti.config.codebooks import LookupFreeConfig
from smalti.formats.checkpoint import Weights
from smalti.formats.imported import Asked, Format
from smalti.formats.vqgan_names import Named, residual

# Their first channel is the lowest bit of a token, the library's behind kind lookup_free is the highest: all latent
# channels change places, so that tokens are the same numbers.
OUTPUTS = ("encoder.conv_out.2.weight", "encoder.conv_out.2.bias")
INPUTS = ("decoder.conv_in.weight", ".norm.scale.weight", ".norm.shift.weight")


def blocks(weights: Weights, new: str, old: str) -> Named:
    """Yields a row of residual blocks."""
    for number in range(weights.count(f"{old}.", ".conv1.weight")):
        yield from residual(weights, f"{new}.{number}", f"{old}.{number}")


def networks(weights: Weights, levels: int) -> Named:
    """Yields encoder and decoder, the channels of the latents in their own order."""
    yield from weights.modules("encoder.", {"encoder.levels.0": "conv_in"})
    for side in ("encoder", "decoder"):
        yield from blocks(weights, f"{side}.middle", f"{side}.mid_block")
        names = {f"{side}.conv_out.0": "norm_out", f"{side}.conv_out.2": "conv_out"}
        yield from weights.modules(f"{side}.", names)
    yield from weights.modules("decoder.", {"decoder.conv_in": "conv_in"})
    for number in range(levels):
        if number:
            names = {f"encoder.levels.{2 * number}": f"down.{number - 1}.downsample"}
            yield from weights.modules("encoder.", names)
        yield from blocks(weights, f"encoder.levels.{2 * number + 1}", f"encoder.down.{number}.block")
        finest_first = levels - 1 - number
        names = {"norm.scale": "gamma", "norm.shift": "beta"}
        renamed = {f"decoder.levels.{number}.{ours}": theirs for ours, theirs in names.items()}
        yield from weights.modules(f"decoder.adaptive.{finest_first}.", renamed)
        yield from blocks(weights, f"decoder.levels.{number}.blocks", f"decoder.up.{finest_first}.block")
        if finest_first:
            old = f"decoder.up.{finest_first}.upsample."
            yield from weights.modules(old, {f"decoder.upsamples.{number}.conv": "conv1"})


def convert(weights: Weights, asked: Asked) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    levels = weights.count("encoder.down.", ".block.0.conv1.weight")
    latent_dim = weights.shape("encoder.conv_out.weight")[0]
    shape = OpenMagvit2Config(
        widths=tuple(weights.shape(f"encoder.down.{number}.block.0.conv1.weight")[0] for number in range(levels)),
        num_blocks=weights.count("encoder.down.0.block.", ".conv1.weight"),
        latent_dim=latent_dim,
    )
    state = dict(networks(weights, levels))
    for name in state:
        if name in OUTPUTS or name.endswith(INPUTS):
            state[name] = state[name].flip(0 if name in OUTPUTS else 1)
    state["quantizer.bits.mask"] = 2 ** torch.arange(latent_dim - 1, -1, -1)
    path = ("model", "init_args", "ddconfig", "resolution")
    fields = {
        "autoencoder": shape,
        "quantizer": LookupFreeConfig(num_codes=2**latent_dim),
        "image_size": asked.image_size(*path),
        "num_codes": 2**latent_dim,
    }
    return fields, state


FORMAT = Format(
    name="open-magvit2",
    title="Open-MAGVIT2's image tokenizers, whole tokens of up to 18 bits",
    makes="tokenizer",
    marks=("encoder.mid_block.0.conv1.weight", "decoder.adaptive.0.gamma.weight"),
    convert=convert,
    averages="model_ema.",
    unused=("loss.*", "model_ema.*", "quantize.*", "colorize"),
    asks={"image_size": "side of the images it was trained on, in pixels"},
)
