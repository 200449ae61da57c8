"""Config of stage ldm_prior."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.priors import LatentPriorConfig, prior_stage
from configs.schema.stage import Stage
from smalti.config.latent_priors import UnetNetworkConfig
from smalti.config.prior_kinds import PRIOR_KINDS


@dataclass(frozen=True, kw_only=True)
class LdmPriorConfig(LatentPriorConfig):
    """Stage ldm_prior: latent diffusion by a UNet (Rombach et al. 2022)."""

    STAGE: ClassVar[Stage] = prior_stage(PRIOR_KINDS["ldm"], version=1)
    network: UnetNetworkConfig = field(default_factory=UnetNetworkConfig)
    """The network that is trained."""
