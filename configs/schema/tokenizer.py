"""Config of stage tokenizer."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from configs.schema.training import GanConfig, LoadingConfig, OptimizerConfig, TrainingConfig
from smalti.config.autoencoders import AutoencoderConfig, DecoderAttentionConfig
from smalti.config.codebooks import QuantizerConfig
from smalti.config.discriminators import DiscriminatorConfig
from smalti.config.losses import PerceptualConfig, RepresentationConfig
from smalti.config.ranges import NonNegativeFloat


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """Stage tokenizer, phase 1: encoder, codebook and decoder (SeQ-GAN section 3.4)."""

    STAGE: ClassVar[Stage] = Stage(
        name="tokenizer", version=5, needs=("data",),
        takes=("codebook", "init_from"), resumes=True, one_process=False, curves="Tokenizer (phase 1)",
    )  # fmt: skip
    autoencoder: AutoencoderConfig
    """Encoder and decoder."""
    quantizer: QuantizerConfig
    """The codebook, or several."""
    discriminator: DiscriminatorConfig
    """The network that the generator is trained against, here and in stage decoder."""
    perceptual: PerceptualConfig
    """The perceptual loss (SeQ-GAN: semantic taps alone, alpha 1)."""
    gan: GanConfig
    """The GAN's losses, weight and start."""
    training: TrainingConfig
    """Length and rhythm of the training."""
    optimizer: OptimizerConfig
    """Optimizer of the encoder, codebook and decoder."""
    discriminator_optimizer: OptimizerConfig
    """Optimizer of the discriminator."""
    reconstruction: Literal["l1", "l2"] = "l1"
    """Distance of pixels in [-1, 1]: the mean of |x - x'| (SeQ-GAN, VQGAN), or of its square (LlamaGen, FQGAN)."""
    reconstruction_weight: NonNegativeFloat = 1.0
    """Weight of that distance (SeQ-GAN eq. 2: 1)."""
    quantizer_weight: NonNegativeFloat = 1.0
    """Weight of the quantizer's whole loss (SeQ-GAN eq. 2: 1; VQGAN-LC's code: 0.1)."""
    representation: tuple[RepresentationConfig, ...] = ()
    """Predictors of pretrained features, each from one book; needs a factorised quantizer."""
    attention: DecoderAttentionConfig | None = None
    """Attention in the decoder from phase 1 on: SeQ-GAN's Table 1, in which it harms the priors; null: none."""
    loading: LoadingConfig = field(default_factory=LoadingConfig)
    """How training images are cropped and mirrored."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""
