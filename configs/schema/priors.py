"""Configs of the stages that train priors."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from configs.schema.training import OptimizerConfig, TrainingConfig
from smalti.config.prior_kinds import PRIOR_KINDS, PriorKind
from smalti.config.priors import ArPriorNetworkConfig, NarPriorNetworkConfig, PriorNetworkConfig


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
    training: TrainingConfig
    optimizer: OptimizerConfig
    label_dropout: float = 0.0
    label_smoothing: float = 0.0
    class_balanced: bool = False  # draw every class equally often; samples have balanced labels, small data sets don't
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)


@dataclass(frozen=True, kw_only=True)
class ArPriorConfig(PriorConfig):
    """Stage ar_prior: next-token prediction (SeQ-GAN Tables 8 and 10; FQGAN section 3.4)."""

    STAGE: ClassVar[Stage] = prior_stage(PRIOR_KINDS["ar"], version=2)
    network: ArPriorNetworkConfig


@dataclass(frozen=True, kw_only=True)
class NarPriorConfig(PriorConfig):
    """Stage nar_prior: masked token modelling (SeQ-GAN Tables 8 and 10; MaskGIT)."""

    STAGE: ClassVar[Stage] = prior_stage(PRIOR_KINDS["nar"], version=2)
    network: NarPriorNetworkConfig
