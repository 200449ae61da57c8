"""Config that both phases of the tokenizer share."""

from dataclasses import dataclass, field
from typing import Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.training import GanConfig, LoadingConfig, OptimizerConfig, TrainingConfig
from smalti.config.losses import PerceptualConfig


@dataclass(frozen=True, kw_only=True)
class ReconstructionTrainingConfig:
    """How a network learns to reconstruct images: the terms of its loss (SeQ-GAN eq. 2), optimisers, and data."""

    perceptual: PerceptualConfig
    gan: GanConfig
    training: TrainingConfig
    optimizer: OptimizerConfig
    discriminator_optimizer: OptimizerConfig
    reconstruction: Literal["l1", "l2"] = "l1"  # distance of pixels; l2 is LlamaGen's and FQGAN's
    reconstruction_weight: float = 1.0
    loading: LoadingConfig = field(default_factory=LoadingConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
