"""The transformer under a prior; a recipe chooses by ``kind``."""

import math

from torch import nn

from smalti.config.priors import BackboneConfig, TransformerConfig
from smalti.layers.llama import LlamaTransformer, RMSNorm
from smalti.layers.transformer import Transformer

Backbone = Transformer | LlamaTransformer


def grid_side(num_tokens: int) -> int:
    """Returns the side of a square grid of tokens.

    Raises:
        ValueError: the tokens form no square; images are square everywhere here.

    >>> grid_side(256)
    16
    """
    side = math.isqrt(num_tokens)
    if side * side != num_tokens:
        raise ValueError(f"{num_tokens} tokens form no square grid")
    return side


def build_backbone(config: BackboneConfig, num_positions: int, num_tokens: int, causal: bool) -> Backbone:
    """Returns the transformer that ``config`` names, for a condition and then tokens of a square grid.

    Its output isn't normed: the one norm in front of the output layers (``build_norm``) is the prior's, since blocks of
    a head may come between.
    """
    if isinstance(config, TransformerConfig):
        return Transformer(config, num_positions, causal)
    return LlamaTransformer(config, num_positions, grid_side(num_tokens), causal)


def build_norm(config: BackboneConfig) -> nn.Module:
    """Returns the norm that belongs to a transformer's blocks; (..., C) to the same."""
    return nn.LayerNorm(config.width) if isinstance(config, TransformerConfig) else RMSNorm(config.width)
