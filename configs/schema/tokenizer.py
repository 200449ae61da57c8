"""Config of stage tokenizer."""

from dataclasses import dataclass
from typing import ClassVar

from configs.schema.reconstruction import ReconstructionTrainingConfig
from configs.schema.stage import Stage
from smalti.config.autoencoders import AutoencoderConfig, DecoderAttentionConfig
from smalti.config.codebooks import QuantizerConfig
from smalti.config.discriminators import DiscriminatorConfig
from smalti.config.losses import RepresentationConfig
from smalti.config.ranges import NonNegativeFloat


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig(ReconstructionTrainingConfig):
    """Stage tokenizer, phase 1: encoder, codebook and decoder (SeQ-GAN section 3.4)."""

    STAGE: ClassVar[Stage] = Stage(
        name="tokenizer", version=6, needs=("data",),
        takes=("codebook", "init_from"), resumes=True, one_process=False, curves="Tokenizer (phase 1)",
    )  # fmt: skip
    autoencoder: AutoencoderConfig
    """Encoder and decoder."""
    quantizer: QuantizerConfig
    """The codebook, or several."""
    discriminator: DiscriminatorConfig
    """The network that the generator is trained against, here and in stage decoder."""
    quantizer_weight: NonNegativeFloat = 1.0
    """Weight of the quantizer's whole loss (SeQ-GAN eq. 2: 1; VQGAN-LC's code: 0.1)."""
    representation: tuple[RepresentationConfig, ...] = ()
    """Predictors of pretrained features, each from one book; needs a factorised quantizer."""
    attention: DecoderAttentionConfig | None = None
    """Attention in the decoder from phase 1 on: SeQ-GAN's Table 1, in which it harms the priors; null: none."""
