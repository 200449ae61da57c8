"""A codebook after publication: the K x D table alone, with nothing left to train."""

import torch
from torch import Tensor

from networks.quantizers.quantizer import Quantizer


class FrozenCodebook(Quantizer):
    """The table that any quantiser ends in. A prior, phase 2 and the decoder need no more than this."""

    codebook: Tensor

    def __init__(self, num_codes: int, code_dim: int) -> None:
        super().__init__(commitment_weight=0.0, codebook_weight=0.0, entropy_weight=0.0, entropy_temperature=1.0)
        self.num_codes, self.code_dim = num_codes, code_dim
        self.register_buffer("codebook", torch.zeros(num_codes, code_dim))

    def table(self) -> Tensor:
        return self.codebook
