"""Config of stage tokenizer."""

from dataclasses import dataclass
from typing import ClassVar

from configs.schema.reconstruction import ReconstructionTrainingConfig
from smalti.config.autoencoders import AutoencoderConfig, DecoderAttentionConfig
from smalti.config.codebooks import QuantizerConfig
from smalti.config.discriminators import DiscriminatorConfig
from smalti.config.losses import RepresentationConfig


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig(ReconstructionTrainingConfig):
    """Stage tokenizer, phase 1: encoder, codebook and decoder (SeQ-GAN section 3.4).

    ``attention`` gives the decoder attention in phase 1 already: SeQ-GAN's Table 1, in which that harms the priors.
    """

    VERSION: ClassVar[int] = 4
    autoencoder: AutoencoderConfig
    quantizer: QuantizerConfig
    discriminator: DiscriminatorConfig
    quantizer_weight: float = 1.0
    representation: tuple[RepresentationConfig, ...] = ()
    attention: DecoderAttentionConfig | None = None
