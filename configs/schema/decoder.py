"""Config of stage decoder."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from configs.schema.training import GanConfig, LoadingConfig, OptimizerConfig, TrainingConfig
from smalti.config.autoencoders import DecoderAttentionConfig
from smalti.config.losses import PerceptualConfig


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Stage decoder, phase 2: the decoder alone, with attention (SeQ-GAN section 3.4)."""

    STAGE: ClassVar[Stage] = Stage(
        name="decoder", version=3, needs=("data", "tokenizer"),
        takes=("init_from",), resumes=True, one_process=False, curves="Decoder (phase 2)",
    )  # fmt: skip
    attention: DecoderAttentionConfig
    perceptual: PerceptualConfig
    gan: GanConfig
    training: TrainingConfig
    optimizer: OptimizerConfig
    discriminator_optimizer: OptimizerConfig
    reconstruction: Literal["l1", "l2"] = "l1"
    reconstruction_weight: float = 1.0
    loading: LoadingConfig = field(default_factory=LoadingConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
