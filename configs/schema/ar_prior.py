"""Config of stage ar_prior."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.priors import TokenPriorConfig, prior_stage
from configs.schema.stage import Stage
from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.config.priors import ArPriorNetworkConfig
from smalti.config.ranges import PositiveShare


@dataclass(frozen=True, kw_only=True)
class ArPriorConfig(TokenPriorConfig):
    """Stage ar_prior: next-token prediction (SeQ-GAN Tables 8 and 10; FQGAN section 3.4)."""

    STAGE: ClassVar[Stage] = prior_stage(PRIOR_KINDS["ar"], version=3)
    network: ArPriorNetworkConfig
    """The network that is trained."""
    pkeep: PositiveShare = field(default=1.0, metadata={"hash": UNLESS_DEFAULT})
    """Probability that a token of the network's input is the true one in training; else it is any code. What is to be
    predicted is always true (VQGAN's pkeep; VQGAN-LC's code: 0.8)."""
