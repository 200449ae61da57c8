"""Centres from stage codebook behind a trained projector (VQGAN-LC)."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from smalti.codebooks.nearest import NearestCode
from smalti.config.codebooks import ProjectedConfig, ProjectorConfig
from smalti.layers.frozen import Frozen


class Centres(nn.Module):
    """The (K, C) centres of stage codebook."""

    rows: Tensor

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.register_buffer("rows", rows.float())


def build_projector(config: ProjectorConfig, width: int, code_dim: int) -> nn.Module:
    """Returns (K, ``width``) to (K, ``code_dim``): linear as in the paper, an MLP with ``hidden`` channels, or nothing.

    As released: the linear one has weights N(0, 1 / D), the MLP PyTorch's own and a ReLU. A bias moves all rows alike;
    the linear one's starts at zero here.

    Raises:
        ValueError: without a projector, latents of another width than the centres.
    """
    if config.kind == "none":
        if width != code_dim:
            raise ValueError(
                f"projector none: the centres have {width} channels, latent_dim must be that, not {code_dim}"
            )
        return nn.Identity()
    if config.kind == "mlp":
        return nn.Sequential(nn.Linear(width, config.hidden), nn.ReLU(), nn.Linear(config.hidden, code_dim))
    linear = nn.Linear(width, code_dim)
    nn.init.normal_(linear.weight, std=code_dim**-0.5)
    nn.init.zeros_(linear.bias)
    return linear


class ProjectedL2(NearestCode):
    """Squared L2 distance to the projected centres, nothing normalised: VQGAN-LC as its code does it.

    All K rows move together through the projector, so none is left behind. Frozen centres aren't saved with the
    weights (77 M numbers at K = 100,000): they come from the artefact of stage codebook, whose digest is in the key.
    With ``tune_centres`` (an ablation, VQGAN-LC Table 9) they are weights like others.
    """

    def __init__(self, config: ProjectedConfig, code_dim: int, centres: Tensor) -> None:
        super().__init__(len(centres), code_dim, config)
        self.tuned = nn.Parameter(centres.float().clone()) if config.tune_centres else None
        self.fixed = None if config.tune_centres else Frozen(Centres(centres))
        self.projector = build_projector(config.projector, centres.shape[1], code_dim)

    @classmethod
    def build(cls, config: Any, code_dim: int, centres: Tensor | None) -> NearestCode:
        """Returns the quantiser over ``centres`` (K, C); ValueError without any."""
        if centres is None:
            raise ValueError(f"quantizer kind {config.kind!r} needs the input 'codebook'; name it in pipeline.yaml")
        return cls(config, code_dim, centres)

    def held(self) -> dict[str, nn.Module]:
        return {} if self.fixed is None else {"codebook centres": self.fixed.network}

    def centres(self) -> Tensor:
        """Returns the centres (K, C)."""
        if self.fixed is not None:
            return self.fixed.network.rows
        assert self.tuned is not None
        return self.tuned

    def table(self) -> Tensor:
        return self.projector(self.centres())


class ProjectedCosine(ProjectedL2):
    """Cosine distance: VQGAN-LC as its paper writes it. Rows are scaled to length sqrt(D) on both sides, where the
    nearest in L2 is the nearest in angle."""

    def align(self, rows: Tensor) -> Tensor:
        return F.normalize(rows, dim=1) * self.code_dim**0.5

    def table(self) -> Tensor:
        return self.align(super().table())
