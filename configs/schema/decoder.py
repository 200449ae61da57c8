"""Config of stage decoder."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from configs.schema.training import GanConfig, LoadingConfig, OptimizerConfig, TrainingConfig
from smalti.config.autoencoders import DecoderAttentionConfig
from smalti.config.losses import PerceptualConfig
from smalti.config.ranges import NonNegativeFloat


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Stage decoder, phase 2: the decoder alone, with attention (SeQ-GAN section 3.4)."""

    STAGE: ClassVar[Stage] = Stage(
        name="decoder", version=4, needs=("data", "tokenizer"),
        takes=("init_from",), resumes=True, one_process=False, curves="Decoder (phase 2)",
    )  # fmt: skip
    attention: DecoderAttentionConfig
    """What the decoder gains over phase 1's."""
    perceptual: PerceptualConfig
    """The perceptual loss (SeQ-GAN: low-level taps alone, alpha 0)."""
    gan: GanConfig
    """The GAN's losses, weight and start."""
    training: TrainingConfig
    """Length and rhythm of the training."""
    optimizer: OptimizerConfig
    """Optimizer of the decoder."""
    discriminator_optimizer: OptimizerConfig
    """Optimizer of the discriminator."""
    reconstruction: Literal["l1", "l2"] = "l1"
    """Distance of pixels in [-1, 1]: the mean of |x - x'| or of its square."""
    reconstruction_weight: NonNegativeFloat = 1.0
    """Weight of that distance (SeQ-GAN eq. 2: 1)."""
    loading: LoadingConfig = field(default_factory=LoadingConfig)
    """How training images are cropped and mirrored."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""
