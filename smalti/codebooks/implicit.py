"""Codebooks without a table: the code is a rounding of each channel (LFQ and FSQ of vector-quantize-pytorch)."""

from typing import Self

import torch
from torch import Tensor
from vector_quantize_pytorch import FSQ, LFQ

from smalti.codebooks.entropy import assignment_entropies
from smalti.codebooks.nearest import rows_of
from smalti.codebooks.quantizer import Quantized, Quantizer, count_codes, straight_through
from smalti.config.codebooks import FiniteScalarConfig, LookupFreeConfig


class LookupFree(Quantizer):
    """One bit a channel (MAGVIT-v2, Yu et al. 2023; Open-MAGVIT2): K = 2^D.

    The entropies are those of ``assignment_entropies``, over all K corners, of ``entropy_share`` of the tokens. The
    library's hold N x K numbers, and on several ranks drop the sum over them but still divide by their number.

    Raises:
        ValueError: latents whose width isn't log2 K.
    """

    def __init__(self, config: LookupFreeConfig, code_dim: int) -> None:
        super().__init__()
        if 2**code_dim != config.num_codes:
            raise ValueError(f"lookup_free: {config.num_codes} codes need latent_dim log2 of that, not {code_dim}")
        self.num_codes, self.code_dim = config.num_codes, code_dim
        self.bits = LFQ(dim=code_dim, codebook_size=config.num_codes)
        self.config = config

    def encode(self, latents: Tensor) -> Tensor:
        weights = self.bits.mask.to(latents.device)
        return ((latents.float() > 0) * weights[:, None, None]).sum(1)  # CUDA has no matrix product of integers

    def decode(self, tokens: Tensor) -> Tensor:
        return self.bits.indices_to_codes(tokens)

    def published(self) -> Self:
        return self

    def forward(self, latents: Tensor) -> Quantized:
        config = self.config
        with torch.autocast(latents.device.type, enabled=False):
            tokens = self.encode(latents)
            codes = self.decode(tokens)
            losses = {"commitment": (codes - latents.float()).square().mean()}
            loss = config.commitment_weight * losses["commitment"]
            if self.training:
                rows = rows_of(latents)
                if config.entropy_share < 1:
                    rows = rows[
                        torch.randperm(len(rows))[: max(1, int(len(rows) * config.entropy_share))].to(rows.device)
                    ]
                of_mean, mean_of = assignment_entropies(
                    rows, self.bits.codebook, config.entropy_temperature, config.entropy_epsilon
                )
                losses |= {"sample_entropy": mean_of, "entropy": of_mean}
                loss = loss + config.entropy_weight * (mean_of - config.diversity * of_mean)
        latents = straight_through(latents.float(), codes)
        return Quantized(latents, codes, tokens, losses, loss, count_codes(tokens, self.num_codes))


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
        with torch.device("cpu"):  # the library reads a number off a tensor, which has none on the meta device
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
