"""Codebook learned by gradient (VQGAN; SeQ-GAN section 3.1)."""

import torch
from torch import Tensor, nn

from configs.architecture import LearnedCodebookConfig
from networks.quantizers.quantizer import Quantizer


class LearnedCodebook(Quantizer):
    """K free rows of D numbers, trained by the codebook term of eq. 2; rows start uniform in +-1/K as in VQGAN."""

    def __init__(self, config: LearnedCodebookConfig, code_dim: int) -> None:
        super().__init__(
            config.commitment_weight, config.codebook_weight, config.entropy_weight, config.entropy_temperature
        )
        self.num_codes, self.code_dim = config.num_codes, code_dim
        self.codebook = nn.Parameter(torch.empty(config.num_codes, code_dim))
        nn.init.uniform_(self.codebook, -1 / config.num_codes, 1 / config.num_codes)

    def table(self) -> Tensor:
        return self.codebook.float()
