"""A codebook after publication: the K x D table alone, with nothing left to train."""

from typing import Self

import torch
from einops import rearrange
from torch import Tensor, nn

from smalti.codebooks.quantizer import Quantized, Quantizer, count_codes
from smalti.codebooks.search import nearest_codes


class FrozenCodebook(Quantizer):
    """The table that any quantiser of one book ends in. A prior, phase 2 and the decoder need no more than this.

    Rows of one length (cosine codebooks) need no normalised latents: the nearest in L2 is then the nearest in angle.
    """

    codebook: Tensor

    def __init__(self, num_codes: int, code_dim: int) -> None:
        super().__init__()
        self.num_codes, self.code_dim = num_codes, code_dim
        self.register_buffer("codebook", torch.zeros(num_codes, code_dim))

    @classmethod
    def of(cls, table: Tensor) -> Self:
        """Returns a codebook that holds a copy of ``table`` (K, D)."""
        codebook = cls(*table.shape)
        codebook.codebook = table.detach().float().clone()
        return codebook

    def encode(self, latents: Tensor) -> Tensor:
        with torch.autocast(latents.device.type, enabled=False):
            tokens = nearest_codes(rearrange(latents.float(), "b d h w -> (b h w) d"), self.codebook)
        return rearrange(tokens, "(b h w) -> b h w", b=latents.shape[0], h=latents.shape[2])

    def decode(self, tokens: Tensor) -> Tensor:
        return rearrange(nn.functional.embedding(tokens, self.codebook), "b h w d -> b d h w")

    def published(self) -> Self:
        return self

    def forward(self, latents: Tensor) -> Quantized:
        """Quantises without losses and without gradient."""
        tokens = self.encode(latents)
        found = self.decode(tokens)
        return Quantized(found, found, tokens, {}, latents.new_zeros(()), count_codes(tokens, self.num_codes))
