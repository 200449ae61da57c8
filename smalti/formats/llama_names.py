"""LlamaGen's transformer under this library's names; FAR's is the same, with a head of such blocks."""

import torch

from smalti.config.priors import LlamaConfig
from smalti.formats.checkpoint import Weights
from smalti.formats.imported import Asked
from smalti.formats.vqgan_names import Named

BLOCK = {
    "norm1": "attention_norm", "norm2": "ffn_norm", "query_key_value": "attention.wqkv", "out": "attention.wo",
    "down": "feed_forward.w2",
}  # fmt: skip
HEADS = {768: 12, 1024: 16, 1280: 20, 1536: 24, 3200: 32}  # by width: LlamaGen's B to 3B, FAR's B and L


def llama_shape(weights: Weights, asked: Asked) -> LlamaConfig:
    """Returns the shape that the tensors tell, with the heads of the released sizes.

    Raises:
        ValueError: another width, whose heads aren't given; or fewer heads for keys than for queries.
    """
    width = weights.shape("norm.weight")[0]
    rows = weights.shape("layers.0.attention.wqkv.weight")[0]
    if rows != 3 * width:
        raise ValueError(
            f"{weights.file}: keys and values have fewer heads than queries; no kind of prior here has that"
        )
    return LlamaConfig(
        num_layers=weights.count("layers.", ".attention_norm.weight"),
        num_heads=asked.number("num_heads", "the number of attention heads", default=HEADS.get(width)),
        width=width,
        mlp_width=weights.shape("layers.0.feed_forward.w1.weight")[0],
        dropout=0.0,
    )


def llama_blocks(weights: Weights, new: str, old: str) -> Named:
    """Yields a row of blocks; gate and up are one linear layer here."""
    for number in range(weights.count(f"{old}.", ".attention_norm.weight")):
        ours, theirs = f"{new}.{number}", f"{old}.{number}."
        yield from weights.modules(theirs, {f"{ours}.{a}": b for a, b in BLOCK.items()})
        parts = [weights.take(f"{theirs}feed_forward.{name}.weight") for name in ("w1", "w3")]
        yield f"{ours}.gate_up.weight", torch.cat(parts)
