"""A codebook that isn't trained."""

import torch
from torch import Tensor

from smalti.codebooks.nearest import NearestCode
from smalti.config.codebooks import RandomCodebookConfig


class RandomCodebook(NearestCode):
    """K rows of D numbers, uniform in +-1/K and fixed: the encoder alone can learn (VQGAN-LC Table 6).

    Without centres VQGAN-LC's code draws the rows as VQGAN does, as wide as the latents, and has no projector. At K =
    100,000 all rows lie within 1e-5 of 0, and the decoder sees next to nothing. Random rows behind a trained projector,
    stage codebook's ``centres: gaussian``, don't collapse.
    """

    codebook: Tensor

    def __init__(self, config: RandomCodebookConfig, code_dim: int) -> None:
        super().__init__(config.num_codes, code_dim, config)
        rows = torch.empty(config.num_codes, code_dim).uniform_(-1 / config.num_codes, 1 / config.num_codes)
        self.register_buffer("codebook", rows)

    def table(self) -> Tensor:
        return self.codebook
