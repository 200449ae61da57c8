"""What the configs of the stages that train priors have in common."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.runtime import RUNTIME, PriorRuntimeConfig
from configs.schema.stage import Stage
from configs.schema.training import OptimizerConfig, TrainingConfig
from smalti.config.latent_priors import LatentPriorNetworkConfig
from smalti.config.prior_kinds import PriorKind
from smalti.config.priors import PriorNetworkConfig
from smalti.config.ranges import Share


def prior_stage(kind: PriorKind, version: int) -> Stage:
    """Returns the declaration of the stage that trains a kind of prior."""
    return Stage(
        name=kind.stage, version=version, needs=(kind.shards, "tokenizer"), takes=(), resumes=True, one_process=False,
        curves=kind.title,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PriorConfig:
    """What the trainings of all priors have in common."""

    STAGE: ClassVar[Stage]
    network: PriorNetworkConfig
    """The network that is trained."""
    training: TrainingConfig
    """Length and rhythm of the training."""
    optimizer: OptimizerConfig
    """Optimizer of the prior."""
    label_dropout: Share = 0.0
    """Share of the labels replaced by "no class", which guidance needs (LlamaGen, DiT: 0.1)."""
    class_balanced: bool = False
    """Whether every class is drawn equally often: samples have balanced labels, small data sets don't."""
    runtime: PriorRuntimeConfig = field(default_factory=PriorRuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""


@dataclass(frozen=True, kw_only=True)
class TokenPriorConfig(PriorConfig):
    """What the trainings of priors over tokens have in common."""

    label_smoothing: Share = 0.0
    """Share of a target's probability that is spread over all codes (MaskGIT: 0.1)."""


@dataclass(frozen=True, kw_only=True)
class LatentPriorConfig(PriorConfig):
    """What the trainings of priors over latents have in common."""

    network: LatentPriorNetworkConfig
    """The network that is trained."""
    label_dropout: Share = 0.1
    """Share of the labels replaced by "no class", which guidance needs (DiT, SiT: 0.1; VQGAN-LC's released LDM: 0)."""
    standardise: bool = True
    """Whether each channel of the latents is brought to mean 0 and deviation 1; false: they are taken as they are, with
    the scale factor 1 of VQGAN-LC's released code."""
