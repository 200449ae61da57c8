"""Shapes of encoders and decoders, as data; a recipe chooses by ``kind``."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class SeqganConfig:
    """Convolution-only autoencoder of SeQ-GAN (Table 7), in MaskGIT's layout with a true shortcut.

    ``widths`` run from the finest level to the coarsest, ``encoder_blocks`` with them; ``decoder_blocks`` run from
    the coarsest level to the finest. The compression factor is ``2 ** (len(widths) - 1)``.
    """

    kind: Literal["seqgan"] = "seqgan"
    widths: tuple[int, ...] = (128, 128, 256, 256, 512)
    encoder_blocks: tuple[int, ...] = (2, 2, 2, 2, 4)
    decoder_blocks: tuple[int, ...] = (4, 2, 2, 2, 2)
    latent_dim: int = 256
    norm_groups: int = 32

    def __post_init__(self) -> None:
        if not len(self.widths) == len(self.encoder_blocks) == len(self.decoder_blocks):
            raise ValueError(
                f"widths {self.widths}, encoder_blocks {self.encoder_blocks} and decoder_blocks "
                f"{self.decoder_blocks} must have one entry a level"
            )
        for width in self.widths:
            if width % self.norm_groups:
                raise ValueError(f"widths: {width} must be a multiple of norm_groups {self.norm_groups}")

    @property
    def factor(self) -> int:
        """Pixels of the image along one side of a token."""
        return 2 ** (len(self.widths) - 1)


@dataclass(frozen=True, kw_only=True)
class VqganShape:
    """VQGAN's autoencoder (Esser et al. 2021); f = 8 has widths 128, 256, 256, 512.

    ``attention_levels`` counts from the finest, 0; attention follows each block there, and always one in the middle.
    ``bottleneck`` channels stand between the last 3 x 3 and the 1 x 1 convolution to ``latent_dim``.
    """

    widths: tuple[int, ...] = (128, 128, 256, 256, 512)
    num_blocks: int = 2
    attention_levels: tuple[int, ...] = (4,)
    bottleneck: int = 256
    latent_dim: int = 256
    norm_groups: int = 32

    def __post_init__(self) -> None:
        for width in self.widths:
            if width % self.norm_groups:
                raise ValueError(f"widths: {width} must be a multiple of norm_groups {self.norm_groups}")
        for level in self.attention_levels:
            if not 0 <= level < len(self.widths):
                raise ValueError(f"attention_levels: {level} isn't one of the {len(self.widths)} levels, 0 the finest")

    @property
    def factor(self) -> int:
        """Pixels of the image along one side of a token."""
        return 2 ** (len(self.widths) - 1)


@dataclass(frozen=True, kw_only=True)
class VqganConfig(VqganShape):
    """VQGAN's autoencoder with one latent, which VQGAN-LC keeps."""

    kind: Literal["vqgan"] = "vqgan"


@dataclass(frozen=True, kw_only=True)
class FqganConfig(VqganShape):
    """FQGAN's autoencoder: one trunk, and for each book a transformer adapter; ``latent_dim`` is that of all books."""

    kind: Literal["fqgan"] = "fqgan"
    latent_dim: int = 16
    num_branches: int = 2
    adapter_layers: int = 6
    adapter_heads: int = 8


AutoencoderConfig = SeqganConfig | VqganConfig | FqganConfig


@dataclass(frozen=True, kw_only=True)
class DecoderAttentionConfig:
    """Interleaved block regional and dilated attention of phase 2 (SeQ-GAN Table 7, HiT), ``pairs`` of them a level
    (1 there; 2 in phase 1 of Table 1's "+Attention x 2").

    ``block_sizes`` run with the decoder, from the coarsest level to the finest: the side P of a region. A balanced
    choice is the root of the level's resolution: 4, 4, 8, 8, 16 for 16 to 256 pixels (32 and 128 may round either way).
    The paper leaves P, the heads and the norm open; 64 channels a head is the usual width.
    """

    block_sizes: tuple[int, ...] = (4, 4, 8, 8, 16)
    head_dim: int = 64
    pairs: int = 1
