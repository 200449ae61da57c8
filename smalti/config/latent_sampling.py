"""How priors over latents are sampled."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from smalti.config.quantizer import BaseQuantizerConfig
from smalti.config.ranges import PositiveInt, Range, Share
from smalti.config.sampling import SamplingConfig

NUM_TIMES = 1000  # of the noise schedules
DiffusionSteps = Annotated[int, Range(at_least=1, at_most=NUM_TIMES)]


@dataclass(frozen=True, kw_only=True)
class LatentSamplingConfig(SamplingConfig):
    """What the settings of all samplers of latents have in common."""

    quantise: bool = True
    """What comes out is quantised by the tokenizer's own codebook before decoding (VQGAN-LC section 3.3); false:
    CompVis's ``force_not_quantize``."""
    guided_channels: PositiveInt | None = None
    """How many channels, the first ones, guidance moves; null: all. Released DiT and SiT, and so VQGAN-LC's, have
    3, a leftover that needs larger scales."""

    def misfits_with(self, quantizer: BaseQuantizerConfig) -> Iterator[str]:
        chosen = getattr(quantizer, "book", quantizer)
        if not self.quantise and chosen.bounds_latents:
            yield f"quantise: a decoder of {chosen.kind} codes knows no latents as they come; leave it true"


@dataclass(frozen=True, kw_only=True)
class DdimConfig:
    """Implicit steps, DDIM (Song et al. 2021, eq. 12)."""

    kind: Literal["ddim"] = "ddim"
    eta: Share = 1.0
    """Share of the ancestral noise: 0 is deterministic, 1 DDPM with the small variance."""


@dataclass(frozen=True, kw_only=True)
class DdpmConfig:
    """Ancestral steps, DDPM (Ho et al. 2020, Algorithm 2), with the small of its two variances."""

    kind: Literal["ddpm"] = "ddpm"


@dataclass(frozen=True, kw_only=True)
class LdmSamplingConfig(LatentSamplingConfig):
    """How the LDM prior is sampled; the default is that of VQGAN-LC's released code."""

    method: DdimConfig | DdpmConfig = field(default_factory=DdimConfig)
    """What a step is."""
    steps: DiffusionSteps = 200
    """Steps, of the schedule's 1,000."""

    @property
    def num_forwards(self) -> int:
        """One for each step."""
        return self.steps


@dataclass(frozen=True, kw_only=True)
class DitSamplingConfig(LatentSamplingConfig):
    """How the DiT prior is sampled: DDPM with learned variances (Nichol & Dhariwal 2021)."""

    steps: DiffusionSteps = 250
    """Steps, of the schedule's 1,000 (DiT: 250)."""

    @property
    def num_forwards(self) -> int:
        """One for each step."""
        return self.steps


@dataclass(frozen=True, kw_only=True)
class SitSamplingConfig(LatentSamplingConfig):
    """How the SiT prior is sampled: its ordinary differential equation, in steps of one length.

    SiT's released code takes the adaptive dopri5 by default (tolerances 1e-6 and 1e-3). Its steps depend on all images
    of a batch; here a sample may depend on its own index alone.
    """

    method: Literal["euler", "heun"] = "heun"
    """euler: one forward a step, of first order. heun: two, of second order."""
    steps: PositiveInt = 125
    """Steps from noise to data; heun's 125 cost 250 forwards, as many as DiT's."""

    @property
    def num_forwards(self) -> int:
        """One for each step of euler, two of heun."""
        return self.steps * {"euler": 1, "heun": 2}[self.method]
