"""VQGAN's networks under the names of taming-transformers and of LlamaGen: the same tensors, other names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from smalti.config.autoencoders import VqganShape
from smalti.formats.checkpoint import Weights

Named = Iterator[tuple[str, Tensor]]
RESIDUAL = {"norm1": "norm1", "conv1": "conv1", "norm2": "norm2", "conv2": "conv2"}


@dataclass(frozen=True)
class VqganNames:
    """Where a format has a level's residual blocks and attention, the levels of both networks and their middle."""

    encoder_levels: str
    decoder_levels: str
    finest_first: bool
    """Whether the decoder's level 0 is the finest, as the encoder's is."""
    blocks: str
    middle: tuple[str, str, str]


TAMING = VqganNames("down", "up", True, "block", ("block_1", "attn_1", "block_2"))
LLAMAGEN = VqganNames("conv_blocks", "conv_blocks", False, "res", ("0", "1", "2"))


def vqgan_shape(weights: Weights, names: VqganNames) -> dict[str, Any]:
    """Returns the fields of a VqganShape that the shapes of the encoder's tensors tell; all formats have 32 groups."""
    level = f"encoder.{names.encoder_levels}."
    numbers = range(weights.count(level, f".{names.blocks}.0.conv1.weight"))
    return {
        "widths": tuple(weights.shape(f"{level}{i}.{names.blocks}.0.conv1.weight")[0] for i in numbers),
        "num_blocks": weights.count(f"{level}0.{names.blocks}.", ".conv1.weight"),
        "attention_levels": tuple(i for i in numbers if f"{level}{i}.attn.0.q.weight" in weights),
    }


def residual(weights: Weights, new: str, old: str) -> Named:
    """Yields the tensors of one residual block."""
    names = RESIDUAL | ({"shortcut": "nin_shortcut"} if f"{old}.nin_shortcut.weight" in weights else {})
    yield from weights.modules(f"{old}.", {f"{new}.{ours}": theirs for ours, theirs in names.items()})


def attention(weights: Weights, new: str, old: str) -> Named:
    """Yields the tensors of the attention over a map, whose query, key and value are one convolution here."""
    yield from weights.modules(f"{old}.", {f"{new}.norm": "norm", f"{new}.out": "proj_out"})
    for kind in ("weight", "bias"):
        parts = [weights.take(f"{old}.{name}.{kind}") for name in ("q", "k", "v")]
        yield f"{new}.query_key_value.{kind}", torch.cat(parts)


def middle(weights: Weights, new: str, old: str, names: VqganNames) -> Named:
    """Yields residual block, attention, residual block of the coarsest level."""
    for number, (part, name) in enumerate(zip((residual, attention, residual), names.middle, strict=True)):
        yield from part(weights, f"{new}.{number}", f"{old}.{name}")


def level(weights: Weights, new: Sequence[str], old: str, blocks: str) -> Named:
    """Yields one level's residual blocks, each with its attention where it has one; ``new`` names them in turn."""
    names = iter(new)
    for number in range(weights.count(f"{old}.{blocks}.", ".conv1.weight")):
        yield from residual(weights, next(names), f"{old}.{blocks}.{number}")
        if f"{old}.attn.{number}.q.weight" in weights:
            yield from attention(weights, next(names), f"{old}.attn.{number}")


def trunk(weights: Weights, shape: VqganShape, names: VqganNames, new: str = "encoder.trunk.levels") -> Named:
    """Yields the encoder up to its middle."""
    yield from weights.modules("encoder.", {f"{new}.0": "conv_in"})
    at = 1
    for number in range(len(shape.widths)):
        old = f"encoder.{names.encoder_levels}.{number}"
        if number:
            before = f"encoder.{names.encoder_levels}.{number - 1}."
            yield from weights.modules(before, {f"{new}.{at}.conv": "downsample.conv"})
            at += 1
        length = shape.num_blocks * (2 if number in shape.attention_levels else 1)
        yield from level(weights, [f"{new}.{at + i}" for i in range(length)], old, names.blocks)
        at += length
    yield from middle(weights, f"{new}.{at}", "encoder.mid", names)


def head(weights: Weights, new: str = "encoder.head", suffix: str = "") -> Named:
    """Yields the encoder's end, down to the codebook's channels; ``suffix`` is a branch's, where there are several."""
    yield from weights.modules("encoder.", {f"{new}.0": f"norm_out{suffix}", f"{new}.2": f"conv_out{suffix}"})
    yield from weights.modules("", {f"{new}.3": f"quant_conv{suffix}"})


def decoder(weights: Weights, shape: VqganShape, names: VqganNames) -> Named:
    """Yields the decoder, from the codebook's channels on."""
    yield from weights.modules("", {"decoder.post_quant": "post_quant_conv"})
    renamed = {"decoder.conv_in": "conv_in", "decoder.conv_out.0": "norm_out", "decoder.conv_out.2": "conv_out"}
    yield from weights.modules("decoder.", renamed)
    yield from middle(weights, "decoder.middle", "decoder.mid", names)
    last = len(shape.widths) - 1
    numbers = range(last, -1, -1) if names.finest_first else range(last + 1)
    olds = [f"decoder.{names.decoder_levels}.{number}" for number in numbers]
    for number, old in enumerate(olds):
        new, first = f"decoder.levels.{number}", 0
        if number:
            yield from weights.modules(f"{olds[number - 1]}.", {f"{new}.0.conv": "upsample.conv"})
            first = 1
        length = 2 * (shape.num_blocks + 1)
        yield from level(weights, [f"{new}.{first + i}" for i in range(length)], old, names.blocks)
