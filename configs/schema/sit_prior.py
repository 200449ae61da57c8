"""Config of stage sit_prior."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.priors import LatentPriorConfig, prior_stage
from configs.schema.stage import Stage
from smalti.config.latent_priors import DitNetworkConfig
from smalti.config.prior_kinds import PRIOR_KINDS


@dataclass(frozen=True, kw_only=True)
class SitPriorConfig(LatentPriorConfig):
    """Stage sit_prior: a flow from noise to latents (Ma et al. 2024)."""

    STAGE: ClassVar[Stage] = prior_stage(PRIOR_KINDS["sit"], version=1)
    network: DitNetworkConfig = field(default_factory=DitNetworkConfig)
    """The network that is trained."""
