"""Configs of the stages that train priors."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from configs.schema.training import OptimizerConfig, TrainingConfig
from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.prior_kinds import PRIOR_KINDS, PriorKind
from smalti.config.priors import ArPriorNetworkConfig, NarPriorNetworkConfig, PriorNetworkConfig
from smalti.config.ranges import PositiveShare, Share


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
    """Share of the labels replaced by "no class", which guidance needs (LlamaGen: 0.1)."""
    label_smoothing: Share = 0.0
    """Share of a target's probability that is spread over all codes (MaskGIT: 0.1)."""
    class_balanced: bool = False
    """Whether every class is drawn equally often: samples have balanced labels, small data sets don't."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""


@dataclass(frozen=True, kw_only=True)
class ArPriorConfig(PriorConfig):
    """Stage ar_prior: next-token prediction (SeQ-GAN Tables 8 and 10; FQGAN section 3.4)."""

    STAGE: ClassVar[Stage] = prior_stage(PRIOR_KINDS["ar"], version=3)
    network: ArPriorNetworkConfig
    """The network that is trained."""
    pkeep: PositiveShare = field(default=1.0, metadata={"hash": UNLESS_DEFAULT})
    """Probability that a token of the network's input is the true one in training; else it is any code. What is to be
    predicted is always true (VQGAN's pkeep; VQGAN-LC's code: 0.8)."""


@dataclass(frozen=True, kw_only=True)
class NarPriorConfig(PriorConfig):
    """Stage nar_prior: masked token modelling (SeQ-GAN Tables 8 and 10; MaskGIT)."""

    STAGE: ClassVar[Stage] = prior_stage(PRIOR_KINDS["nar"], version=3)
    network: NarPriorNetworkConfig
    """The network that is trained."""
