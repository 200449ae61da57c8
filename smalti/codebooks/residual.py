"""Residual quantisation: each book codes what the ones before it left over (RQ-VAE, Lee et al. 2022)."""

from typing import Self

import torch
from einops import rearrange
from torch import Tensor
from vector_quantize_pytorch import ResidualVQ

from smalti.codebooks.quantizer import Quantized, Quantizer, count_codes, straight_through
from smalti.config.codebooks import ResidualConfig


class ResidualCodebooks(Quantizer):
    """vector-quantize-pytorch's ResidualVQ behind our interface; the latents are the sum of k codes.

    Rows learn by gradient here, together with the encoder (one squared distance, both sides, the mean over the books),
    so that DDP's averaged gradients keep the ranks alike; RQ-VAE's own code has moving averages.
    """

    def __init__(self, config: ResidualConfig, code_dim: int) -> None:
        super().__init__()
        self.num_books, self.num_codes, self.code_dim = config.num_books, config.num_codes, code_dim
        self.commitment_weight = config.commitment_weight
        self.layers = ResidualVQ(
            dim=code_dim, codebook_size=config.num_codes, num_quantizers=config.num_books,
            shared_codebook=config.shared, learnable_codebook=True, ema_update=False, rotation_trick=False,
            sync_codebook=False, commitment_weight=1.0,
        )  # fmt: skip

    def rows(self, latents: Tensor) -> Tensor:
        """Returns latents (B, D, h, w) as (B, N, D), float32."""
        return rearrange(latents.float(), "b d h w -> b (h w) d")

    def encode(self, latents: Tensor) -> Tensor:
        with torch.no_grad(), torch.autocast(latents.device.type, enabled=False):
            tokens = self.layers(self.rows(latents))[1]
        return rearrange(tokens, "b (h w) k -> b k h w", h=latents.shape[2])

    def decode(self, tokens: Tensor) -> Tensor:
        rows = self.layers.get_output_from_indices(rearrange(tokens, "b k h w -> b (h w) k"))
        return rearrange(rows, "b (h w) d -> b d h w", h=tokens.shape[2])

    def published(self) -> Self:
        return self

    def forward(self, latents: Tensor) -> Quantized:
        with torch.autocast(latents.device.type, enabled=False):
            rows, indices, distances = self.layers(self.rows(latents))
        tokens = rearrange(indices, "b (h w) k -> b k h w", h=latents.shape[2])
        losses = {f"commitment/{i}": term for i, term in enumerate(distances.flatten())}
        found = rearrange(rows, "b (h w) d -> b d h w", h=latents.shape[2]).detach()
        return Quantized(
            latents=straight_through(latents.float(), found),  # the library's gradient is k times as large
            codes=found,
            tokens=tokens,
            losses=losses,
            loss=self.commitment_weight * distances.mean(),
            counts=count_codes(tokens, self.num_codes, self.num_books),
        )
