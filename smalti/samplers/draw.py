"""From what a sampler returns, tokens or latents, to what a decoder is given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from smalti.codebooks import Quantizer
from smalti.config.prior_kinds import PriorKind
from smalti.tokenizers.vq_tokenizer import on_grid


@dataclass(frozen=True)
class Drawn:
    """``tokens`` (B, h, w), or (B, k, h, w) of several books, and ``codes`` (B, D, h, w) for the decoder."""

    tokens: Tensor
    codes: Tensor


Draw = Callable[[Tensor, Sequence[int]], Drawn]
"""(labels (B,), sample indices) to what is drawn: sample i is a function of its label, the seed and i alone."""


def quantised(latents: Tensor, quantizer: Quantizer) -> Drawn:
    """Returns the nearest codes of latents (B, D, h, w) (VQGAN-LC section 3.3)."""
    tokens = quantizer.encode(latents)
    return Drawn(tokens, quantizer.decode(tokens))


def make_draw(
    kind: PriorKind, network: nn.Module, settings: Any, seed: int, quantizer: Quantizer, grid: Sequence[int]
) -> Draw:
    """Returns how samples are drawn from ``network``, a prior of this kind, with the codebook of its tokenizer.

    Latents are quantised, unless the settings say ``quantise: false``: the decoder is then given them as they are, and
    the tokens beside them are those that it isn't given.
    """
    sampler = kind.make_sampler(network, settings, seed)

    def draw(labels: Tensor, indices: Sequence[int]) -> Drawn:
        found = sampler(labels, indices)
        if kind.trains_on == "tokens":
            tokens = on_grid(found, grid)
            return Drawn(tokens, quantizer.decode(tokens))
        drawn = quantised(found, quantizer)
        return drawn if settings.quantise else Drawn(drawn.tokens, found)

    return draw
