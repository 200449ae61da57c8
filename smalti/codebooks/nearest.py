"""Quantisers that choose the nearest row of one table."""

from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from smalti.codebooks.entropy import assignment_entropies
from smalti.codebooks.frozen import FrozenCodebook
from smalti.codebooks.quantizer import Quantized, Quantizer, count_codes, straight_through
from smalti.codebooks.search import nearest_codes
from smalti.config.quantizer import NearestCodeConfig


def rows_of(latents: Tensor) -> Tensor:
    """Returns latents (B, D, h, w) as rows (N, D), float32 at least."""
    return rearrange(latents.to(torch.promote_types(latents.dtype, torch.float32)), "b d h w -> (b h w) d")


class NearestCode(Quantizer):
    """The nearest row of a table. Subclasses say what the table is and how latents are made comparable with it.

    ``terms`` weighs those of the loss: commitment, codebook, entropy (which is maximised), sample_entropy (minimised).
    A term whose weight is 0 isn't computed, but for the first two, which are logged in any case.
    """

    def __init__(self, num_codes: int, code_dim: int, terms: NearestCodeConfig) -> None:
        super().__init__()
        self.num_codes, self.code_dim, self.terms = num_codes, code_dim, terms
        self.weights = terms.loss_weights

    @classmethod
    def empty_published(cls, config: Any, code_dim: int, num_codes: int) -> Quantizer:
        """Returns an empty table of the same size."""
        return FrozenCodebook(num_codes, code_dim)

    def table(self) -> Tensor:
        """Returns the codebook as the decoder sees it, (K, D), float32."""
        raise NotImplementedError

    def align(self, rows: Tensor) -> Tensor:
        """Returns rows (N, D) as they are compared with the table; the identity unless the distance is another."""
        return rows

    def observe(self, rows: Tensor, tokens: Tensor) -> None:
        """Sees each training batch after its search, rows (N, D) and tokens (N,); codebooks with statistics use it."""

    def encode(self, latents: Tensor) -> Tensor:
        with torch.autocast(latents.device.type, enabled=False):
            tokens = nearest_codes(self.align(rows_of(latents)), self.table())
        return rearrange(tokens, "(b h w) -> b h w", b=latents.shape[0], h=latents.shape[2])

    def decode(self, tokens: Tensor) -> Tensor:
        return rearrange(nn.functional.embedding(tokens, self.table()), "b h w d -> b d h w")

    def published(self) -> FrozenCodebook:
        return FrozenCodebook.of(self.table())

    def forward(self, latents: Tensor) -> Quantized:
        """Quantises latents (B, D, h, w) (SeQ-GAN eq. 1 and 2)."""
        with torch.autocast(latents.device.type, enabled=False):
            batch, _, height, _ = latents.shape
            rows, table = self.align(rows_of(latents)), self.table()
            found = nearest_codes(rows, table)
            chosen = nn.functional.embedding(found, table)
            losses = {
                "commitment": (chosen.detach() - rows).square().mean(),
                "codebook": (chosen - rows.detach()).square().mean(),
            }
            if self.weights.get("entropy") or self.weights.get("sample_entropy"):
                of_mean, mean_of = assignment_entropies(
                    rows, table, self.terms.entropy_temperature, self.terms.entropy_epsilon
                )
                losses |= {"entropy": of_mean, "sample_entropy": mean_of}
            signed = {**self.weights, "entropy": -self.weights.get("entropy", 0.0)}
            loss = torch.stack([signed.get(name, 0.0) * term for name, term in losses.items()]).sum()
            if self.training:
                self.observe(rows.detach(), found)
            tokens = rearrange(found, "(b h w) -> b h w", b=batch, h=height)
            return Quantized(
                latents=rearrange(straight_through(rows, chosen), "(b h w) d -> b d h w", b=batch, h=height),
                codes=rearrange(chosen, "(b h w) d -> b d h w", b=batch, h=height),
                tokens=tokens,
                losses=losses,
                loss=loss,
                counts=count_codes(tokens, self.num_codes),
            )
