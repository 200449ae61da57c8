"""What every quantiser gives: the interface between encoder, codebook and decoder.

B batch, h w grid, N = B h w positions, K codes, D channels of the latents, k books. A quantiser of one book gives
tokens (B, h, w); one of several books gives (B, k, h, w).
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from smalti.config.names import load_name


@dataclass(frozen=True)
class Quantized:
    """Result of a quantiser: ``latents`` (B, D, h, w) with straight-through gradient, ``codes`` the same values with
    gradient to the table alone (none where there is no table), ``tokens`` (B, h, w) or (B, k, h, w) int64, ``losses``
    raw scalar terms by name, ``loss`` their weighted sum, ``counts`` (k, K) int64 of this batch on this rank.
    """

    latents: Tensor
    codes: Tensor
    tokens: Tensor
    losses: dict[str, Tensor]
    loss: Tensor
    counts: Tensor


def straight_through(latents: Tensor, quantized: Tensor) -> Tensor:
    """Returns ``quantized`` in value, with the gradient of ``latents`` (van den Oord et al. 2017, section 3.2)."""
    return latents + (quantized - latents).detach()


def count_codes(tokens: Tensor, num_codes: int, num_books: int = 1) -> Tensor:
    """Returns how often each code of each book occurs, int64 (k, K); tokens (B, h, w), or (B, k, h, w) if k > 1.

    >>> count_codes(torch.tensor([[[[0, 1]], [[2, 2]]]]), num_codes=3, num_books=2).tolist()
    [[1, 1, 0], [0, 0, 2]]
    """
    books = (tokens.movedim(1, 0) if num_books > 1 else tokens[None]).flatten(1)
    # torch.bincount's size depends on its input, which would break a compiled graph in two.
    return books.new_zeros(num_books, num_codes).scatter_add_(1, books, torch.ones_like(books))


class Quantizer(nn.Module):
    """A codebook, or several.

    ``num_books`` k, ``num_codes`` K of each, ``code_dim`` D. A codebook that ``keeps_statistics`` of what it sees does
    with a batch what its values ask for, which can't be compiled. Encoding, decoding and searching are float32
    whatever the autocast.
    """

    num_books: int = 1
    keeps_statistics: bool = False
    num_codes: int
    code_dim: int

    @classmethod
    def build(cls, config: Any, code_dim: int, centres: Tensor | None) -> "Quantizer":
        """Returns the quantiser of its ``config`` for latents of ``code_dim`` channels, to be trained.

        Raises:
            ValueError: centres of stage codebook, which this kind has no use for.
        """
        if centres is not None:
            raise ValueError(f"quantizer kind {config.kind!r} has no use for the input 'codebook'; take it out")
        return cls(config, code_dim)

    @classmethod
    def empty_published(cls, config: Any, code_dim: int, num_codes: int) -> "Quantizer":
        """Returns what ``published`` gives, not filled yet: the same quantiser, where there is no table to publish."""
        return cls.build(config, code_dim, None)

    def held(self) -> dict[str, nn.Module]:
        """Returns the networks that it uses but doesn't own, by name; whoever trains it moves them to the device."""
        return {}

    def encode(self, latents: Tensor) -> Tensor:
        """Returns tokens (B, h, w) or (B, k, h, w) for latents (B, D, h, w)."""
        raise NotImplementedError

    def decode(self, tokens: Tensor) -> Tensor:
        """Returns latents (B, D, h, w) for tokens."""
        raise NotImplementedError

    def published(self) -> "Quantizer":
        """Returns what crosses the stage border: the same tokens and latents, with nothing left to train."""
        raise NotImplementedError

    def forward(self, latents: Tensor) -> Quantized:
        """Quantises latents (B, D, h, w)."""
        raise NotImplementedError


def quantizer_class(config: Any) -> type[Quantizer]:
    """Returns the class of quantiser that a codebook's config names."""
    found: type[Quantizer] = load_name(config.quantizer)
    return found
