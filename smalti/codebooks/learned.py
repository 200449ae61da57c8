"""Codebooks learned by gradient."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.codebooks.nearest import NearestCode
from smalti.config.codebooks import KMeansCodebookConfig, LearnedCodebookConfig, LearnedCosineConfig


class LearnedCodebook(NearestCode):
    """K free rows of D numbers, trained by the codebook term of eq. 2 (VQGAN; SeQ-GAN section 3.1; with few channels
    VQGAN-FC as VQGAN-LC's table has it). Rows start uniform in +-1/K as in VQGAN."""

    def __init__(self, config: LearnedCodebookConfig | KMeansCodebookConfig, code_dim: int) -> None:
        super().__init__(config.num_codes, code_dim, config)
        self.codebook = nn.Parameter(torch.empty(config.num_codes, code_dim))
        nn.init.uniform_(self.codebook, -1 / config.num_codes, 1 / config.num_codes)

    def table(self) -> Tensor:
        return self.codebook


class LearnedCosine(NearestCode):
    """Rows and latents of length 1: the factorised, L2-normalised codebook of ViT-VQGAN (section 3.2), which LlamaGen
    and FQGAN use with D = 8. Rows start as random directions."""

    def __init__(self, config: LearnedCosineConfig, code_dim: int) -> None:
        super().__init__(config.num_codes, code_dim, config)
        self.codebook = nn.Parameter(F.normalize(torch.randn(config.num_codes, code_dim), dim=1))

    def align(self, rows: Tensor) -> Tensor:
        return F.normalize(rows, dim=1)

    def table(self) -> Tensor:
        return F.normalize(self.codebook, dim=1)
