"""Config that both phases of the tokenizer share."""

from dataclasses import dataclass, field
from typing import Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.training import GanConfig, LoadingConfig, OptimizerConfig, TrainingConfig
from smalti.config.losses import PerceptualConfig
from smalti.config.ranges import NonNegativeFloat


@dataclass(frozen=True, kw_only=True)
class ReconstructionTrainingConfig:
    """How a network is trained to reconstruct images: the terms of its loss (SeQ-GAN eq. 2), optimisers and images."""

    perceptual: PerceptualConfig
    """The perceptual loss (SeQ-GAN eq. 3: alpha is 1 in phase 1, semantic taps alone, and 0 in phase 2)."""
    gan: GanConfig
    """The GAN's losses, weight and start."""
    training: TrainingConfig
    """Length and rhythm of the training."""
    optimizer: OptimizerConfig
    """Optimiser of the network that reconstructs."""
    discriminator_optimizer: OptimizerConfig
    """Optimiser of the discriminator."""
    reconstruction: Literal["l1", "l2"] = "l1"
    """Distance of pixels in [-1, 1]: the mean of |x - x'| (SeQ-GAN, VQGAN), or of its square (LlamaGen, FQGAN)."""
    reconstruction_weight: NonNegativeFloat = 1.0
    """Weight of that distance (SeQ-GAN eq. 2: 1)."""
    loading: LoadingConfig = field(default_factory=LoadingConfig)
    """How training images are cropped and mirrored."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""
