"""Config of stage decoder."""

from dataclasses import dataclass
from typing import ClassVar

from configs.schema.reconstruction import ReconstructionTrainingConfig
from smalti.config.autoencoders import DecoderAttentionConfig


@dataclass(frozen=True, kw_only=True)
class DecoderConfig(ReconstructionTrainingConfig):
    """Stage decoder, phase 2: the decoder alone, with attention (SeQ-GAN section 3.4)."""

    VERSION: ClassVar[int] = 3
    attention: DecoderAttentionConfig
