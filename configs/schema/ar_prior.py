"""Config of stage ar_prior."""

from dataclasses import dataclass
from typing import ClassVar

from configs.schema.priors import PriorConfig, prior_stage
from configs.schema.stage import Stage
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.config.priors import ArPriorNetworkConfig


@dataclass(frozen=True, kw_only=True)
class ArPriorConfig(PriorConfig):
    """Stage ar_prior: next-token prediction (SeQ-GAN Tables 8 and 10; FQGAN section 3.4)."""

    STAGE: ClassVar[Stage] = prior_stage(PRIOR_KINDS["ar"], version=3)
    network: ArPriorNetworkConfig
    """The network that is trained."""
