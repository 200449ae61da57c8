"""Config of stage nar_prior."""

from dataclasses import dataclass
from typing import ClassVar

from configs.schema.priors import TokenPriorConfig, prior_stage
from configs.schema.stage import Stage
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.config.priors import NarPriorNetworkConfig


@dataclass(frozen=True, kw_only=True)
class NarPriorConfig(TokenPriorConfig):
    """Stage nar_prior: masked token modelling (SeQ-GAN Tables 8 and 10; MaskGIT)."""

    STAGE: ClassVar[Stage] = prior_stage(PRIOR_KINDS["nar"], version=3)
    network: NarPriorNetworkConfig
    """The network that is trained."""
