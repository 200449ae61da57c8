"""Codebooks without a table: the code is a rounding of each channel (LFQ and FSQ of vector-quantize-pytorch)."""

from typing import Self

import torch
from torch import Tensor
from vector_quantize_pytorch import FSQ, LFQ

from configs.codebooks import FiniteScalarConfig, LookupFreeConfig
from networks.quantizers.quantizer import Quantized, Quantizer, count_codes


class LookupFree(Quantizer):
    """One bit a channel (MAGVIT-v2, Yu et al. 2023; Open-MAGVIT2): K = 2^D.

    The entropy term is the library's, over N x K probabilities: ``entropy_share`` of the tokens bounds its memory.

    Raises:
        ValueError: latents whose width isn't log2 K.
    """

    def __init__(self, config: LookupFreeConfig, code_dim: int) -> None:
        super().__init__()
        if 2**code_dim != config.num_codes:
            raise ValueError(f"lookup_free: {config.num_codes} codes need latent_dim log2 of that, not {code_dim}")
        self.num_codes, self.code_dim = config.num_codes, code_dim
        self.bits = LFQ(
            dim=code_dim, codebook_size=config.num_codes, entropy_loss_weight=config.entropy_weight,
            commitment_loss_weight=config.commitment_weight, diversity_gamma=config.diversity,
            frac_per_sample_entropy=config.entropy_share,
        )  # fmt: skip

    def encode(self, latents: Tensor) -> Tensor:
        weights = self.bits.mask.to(latents.device)
        return torch.einsum("bdhw,d->bhw", (latents.float() > 0).long(), weights)

    def decode(self, tokens: Tensor) -> Tensor:
        return self.bits.indices_to_codes(tokens)

    def published(self) -> Self:
        return self

    def forward(self, latents: Tensor) -> Quantized:
        with torch.autocast(latents.device.type, enabled=False):
            (found, tokens, loss), parts = self.bits(latents.float(), return_loss_breakdown=True)
        tokens = tokens.long()
        losses = {
            "sample_entropy": parts.per_sample_entropy,
            "entropy": parts.batch_entropy,
            "commitment": parts.commitment,
        }
        return Quantized(found, found.detach(), tokens, losses, loss, count_codes(tokens, self.num_codes))


class FiniteScalar(Quantizer):
    """A few levels a channel, no loss at all (FSQ, Mentzer et al. 2023): K is the product of the levels.

    Raises:
        ValueError: latents with another number of channels than levels are given.
    """

    def __init__(self, config: FiniteScalarConfig, code_dim: int) -> None:
        super().__init__()
        if len(config.levels) != code_dim:
            raise ValueError(
                f"finite_scalar: {len(config.levels)} levels need latent_dim {len(config.levels)}, not {code_dim}"
            )
        self.scalars = FSQ(levels=list(config.levels), dim=code_dim)
        self.num_codes, self.code_dim = config.num_codes, code_dim

    def encode(self, latents: Tensor) -> Tensor:
        with torch.autocast(latents.device.type, enabled=False):
            return self.scalars(latents.float())[1].long()

    def decode(self, tokens: Tensor) -> Tensor:
        return self.scalars.indices_to_codes(tokens)

    def published(self) -> Self:
        return self

    def forward(self, latents: Tensor) -> Quantized:
        with torch.autocast(latents.device.type, enabled=False):
            found, tokens = self.scalars(latents.float())
        tokens = tokens.long()
        none = latents.new_zeros((), dtype=torch.float32)
        return Quantized(found, found.detach(), tokens, {}, none, count_codes(tokens, self.num_codes))
