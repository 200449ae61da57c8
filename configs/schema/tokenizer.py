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


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """Stage tokenizer, phase 1: encoder, codebook and decoder (SeQ-GAN section 3.4).

    ``attention`` gives the decoder attention in phase 1 already: SeQ-GAN's Table 1, in which that harms the priors.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="tokenizer", version=4, needs=("data",),
        takes=("codebook", "init_from"), resumes=True, one_process=False, curves="Tokenizer (phase 1)",
    )  # fmt: skip
    autoencoder: AutoencoderConfig
    quantizer: QuantizerConfig
    discriminator: DiscriminatorConfig
    perceptual: PerceptualConfig
    gan: GanConfig
    training: TrainingConfig
    optimizer: OptimizerConfig
    discriminator_optimizer: OptimizerConfig
    reconstruction: Literal["l1", "l2"] = "l1"  # l2 is LlamaGen's and FQGAN's
    reconstruction_weight: float = 1.0
    quantizer_weight: float = 1.0
    representation: tuple[RepresentationConfig, ...] = ()
    attention: DecoderAttentionConfig | None = None
    loading: LoadingConfig = field(default_factory=LoadingConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
