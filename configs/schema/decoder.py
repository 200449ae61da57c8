"""Config of stage decoder."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.reconstruction import ReconstructionTrainingConfig
from configs.schema.stage import Stage
from smalti.config.autoencoders import DecoderAttentionConfig
from smalti.config.discriminators import DiscriminatorConfig
from smalti.config.parsing import UNLESS_DEFAULT


@dataclass(frozen=True, kw_only=True)
class DecoderConfig(ReconstructionTrainingConfig):
    """Stage decoder, phase 2: the decoder alone, with attention (SeQ-GAN section 3.4)."""

    STAGE: ClassVar[Stage] = Stage(
        name="decoder", version=5, needs=("data", "tokenizer"),
        takes=("init_from",), resumes=True, one_process=False, curves="Decoder (phase 2)",
    )  # fmt: skip
    attention: DecoderAttentionConfig
    """What the decoder gains over phase 1's."""
    discriminator: DiscriminatorConfig | None = field(default=None, metadata={"hash": UNLESS_DEFAULT})
    """The discriminator beside an imported tokenizer, which brings none; null: that of phase 1 goes on."""

    def misfits(self, imported: bool) -> Iterator[str]:
        """Yields what is wrong with ``discriminator`` beside a tokenizer that was ``imported``, or trained."""
        if imported and self.discriminator is None:
            yield "discriminator: an imported tokenizer brings none; say which ({kind: patch} takes the defaults)"
        if not imported and self.discriminator is not None:
            yield "discriminator: phase 1's goes on; leave it out"
