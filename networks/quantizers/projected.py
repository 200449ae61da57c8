"""Frozen centres behind a trained linear projector (VQGAN-LC)."""

from torch import Tensor, nn
from torch.nn import functional as F

from configs.architecture import ProjectedCosineConfig, ProjectedL2Config
from networks.quantizers.quantizer import Quantizer


class ProjectedL2(Quantizer):
    """Squared L2 distance to the projected centres, nothing normalised: VQGAN-LC as its code does it.

    ``centres`` (K, C) come from stage codebook and never train; all K rows move together through the projector.
    They are a buffer, so they travel with the weights.
    """

    centres: Tensor

    def __init__(self, config: ProjectedL2Config | ProjectedCosineConfig, code_dim: int, centres: Tensor) -> None:
        super().__init__(
            config.commitment_weight, config.codebook_weight, config.entropy_weight, config.entropy_temperature
        )
        self.num_codes, self.code_dim = len(centres), code_dim
        self.register_buffer("centres", centres.float())
        self.projector = nn.Linear(centres.shape[1], code_dim)
        nn.init.normal_(self.projector.weight, std=code_dim**-0.5)  # as released
        nn.init.zeros_(self.projector.bias)

    def table(self) -> Tensor:
        return self.projector(self.centres)


class ProjectedCosine(ProjectedL2):
    """Cosine distance: VQGAN-LC as its paper writes it. Rows are scaled to length sqrt(D) on both sides, where the
    nearest in L2 is the nearest in angle."""

    def align(self, latents: Tensor) -> Tensor:
        return F.normalize(latents, dim=1) * self.code_dim**0.5

    def table(self) -> Tensor:
        return self.align(super().table())
