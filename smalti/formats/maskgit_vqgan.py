"""MaskGIT's tokenizer (Chang et al. 2022) as its port to PyTorch is distributed: open-muse, 1d-tokenizer."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from smalti.config.autoencoders import MaskgitConfig
from smalti.config.codebooks import LearnedCodebookConfig
from smalti.formats.checkpoint import Weights
from smalti.formats.imported import Asked, Format
from smalti.formats.vqgan_names import Named, residual


def blocks(weights: Weights, old: str) -> list[str]:
    """Returns the names of a row of residual blocks."""
    return [f"{old}.{number}" for number in range(weights.count(f"{old}.", ".conv1.weight"))]


def encoder(weights: Weights, levels: int) -> Named:
    yield from weights.modules("encoder.", {"encoder.conv_in": "conv_in"})
    at = 0
    for number in range(levels):
        names = blocks(weights, f"encoder.down.{number}.block")
        if number == levels - 1:
            names += blocks(weights, "encoder.mid")
        at += number > 0  # a pooling layer lies before every level but the first
        for name in names:
            yield from residual(weights, f"encoder.levels.{at}", name)
            at += 1
    yield from weights.modules("encoder.", {"encoder.conv_out.0": "norm_out", "encoder.conv_out.2": "conv_out"})


def decoder(weights: Weights, levels: int) -> Named:
    names = {"decoder.conv_in": "conv_in", "decoder.conv_out.0": "norm_out", "decoder.conv_out.2": "conv_out"}
    yield from weights.modules("decoder.", names)
    for number in range(levels):
        finest_first = levels - 1 - number
        rows = blocks(weights, "decoder.mid") if number == 0 else []
        for place, name in enumerate([*rows, *blocks(weights, f"decoder.up.{finest_first}.block")]):
            yield from residual(weights, f"decoder.levels.{number}.blocks.{place}", name)
        if finest_first:
            old = f"decoder.up.{finest_first}."
            yield from weights.modules(old, {f"decoder.upsamples.{number}.conv": "upsample_conv"})


def convert(weights: Weights, asked: Asked) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    levels = weights.count("encoder.down.", ".block.0.conv1.weight")
    number = [weights.count(f"encoder.down.{level}.block.", ".conv1.weight") for level in range(levels)]
    up = [weights.count(f"decoder.up.{level}.block.", ".conv1.weight") for level in range(levels)]
    codebook = weights.take("quantize.embedding.weight")
    shape = MaskgitConfig(
        widths=tuple(weights.shape(f"encoder.down.{level}.block.0.conv1.weight")[0] for level in range(levels)),
        encoder_blocks=(*number[:-1], number[-1] + weights.count("encoder.mid.", ".conv1.weight")),
        decoder_blocks=(up[-1] + weights.count("decoder.mid.", ".conv1.weight"), *up[-2::-1]),
        latent_dim=codebook.shape[1],
    )
    fields = {
        "autoencoder": shape,
        "quantizer": LearnedCodebookConfig(num_codes=len(codebook), entropy_weight=0.0),
        "image_size": asked.image_size("resolution"),
        "num_codes": len(codebook),
    }
    state = dict([*encoder(weights, levels), *decoder(weights, levels)])
    return fields, {**state, "quantizer.codebook": codebook}


FORMAT = Format(
    name="maskgit-vqgan",
    title="MaskGIT's tokenizer as ported by open-muse, which 1d-tokenizer distributes too",
    makes="tokenizer",
    marks=("encoder.mid.0.conv1.weight", "encoder.down.0.block.0.conv1.weight", "quantize.embedding.weight"),
    convert=convert,
    asks={"image_size": "side of the images it was trained on, in pixels (released: 256)"},
)
