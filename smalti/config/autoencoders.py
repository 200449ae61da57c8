"""Shapes of encoders and decoders, as data; a recipe chooses by ``kind``."""

from dataclasses import dataclass
from typing import Literal

from smalti.config.ranges import NonNegativeInt, PositiveInt


class Levels:
    """What the levels of any autoencoder obey; its fields are declared, and given values, by each shape below."""

    widths: tuple[PositiveInt, ...]
    norm_groups: PositiveInt

    def __post_init__(self) -> None:
        for width in self.widths:
            if width % self.norm_groups:
                raise ValueError(f"widths: {width} must be a multiple of norm_groups {self.norm_groups}")

    @property
    def factor(self) -> int:
        """Pixels of the image along one side of a token."""
        return 2 ** (len(self.widths) - 1)


@dataclass(frozen=True, kw_only=True)
class ConvolutionalShape(Levels):
    """Convolution-only autoencoder (SeQ-GAN Table 7).

    Each level but the finest halves the resolution: the compression factor is ``2 ** (len(widths) - 1)``.
    """

    widths: tuple[PositiveInt, ...] = (128, 128, 256, 256, 512)
    """Channels of each level, from the finest to the coarsest; multiples of ``norm_groups``."""
    encoder_blocks: tuple[PositiveInt, ...] = (2, 2, 2, 2, 4)
    """Residual blocks of each level of the encoder, from the finest to the coarsest."""
    decoder_blocks: tuple[PositiveInt, ...] = (4, 2, 2, 2, 2)
    """Residual blocks of each level of the decoder, from the coarsest to the finest."""
    latent_dim: PositiveInt = 256
    """Channels D of the latents, all books together."""
    norm_groups: PositiveInt = 32
    """Groups of each group norm."""

    def __post_init__(self) -> None:
        if not len(self.widths) == len(self.encoder_blocks) == len(self.decoder_blocks):
            raise ValueError(
                f"widths {self.widths}, encoder_blocks {self.encoder_blocks} and decoder_blocks "
                f"{self.decoder_blocks} must have one entry a level"
            )
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class SeqganConfig(ConvolutionalShape):
    """SeQ-GAN's autoencoder as its Table 7 prints it: strided and nearest-neighbour convolutions change the width."""

    kind: Literal["seqgan"] = "seqgan"


@dataclass(frozen=True, kw_only=True)
class SeqganPooledConfig(ConvolutionalShape):
    """The same in MaskGIT's layout: average pooling, residual blocks that change the width, and their true shortcut."""

    kind: Literal["seqgan_pooled"] = "seqgan_pooled"


@dataclass(frozen=True, kw_only=True)
class MaskgitConfig(ConvolutionalShape):
    """MaskGIT's autoencoder as released: the shortcut of a block that changes the width reads the block's output, and
    pixels are in [0, 1] inside. For released weights; ``seqgan_pooled`` is the same without both."""

    kind: Literal["maskgit"] = "maskgit"


@dataclass(frozen=True, kw_only=True)
class VqganShape(Levels):
    """VQGAN's autoencoder (Esser et al. 2021); f = 8 has widths 128, 256, 256, 512."""

    widths: tuple[PositiveInt, ...] = (128, 128, 256, 256, 512)
    """Channels of each level, from the finest to the coarsest; multiples of ``norm_groups``."""
    num_blocks: PositiveInt = 2
    """Residual blocks of each level of the encoder; the decoder has one more."""
    attention_levels: tuple[NonNegativeInt, ...] = (4,)
    """Levels, 0 the finest, where self-attention follows each block; the middle has one in any case."""
    bottleneck: PositiveInt = 256
    """Channels between the last 3 x 3 convolution and the 1 x 1 convolution to ``latent_dim``."""
    latent_dim: PositiveInt = 256
    """Channels D of the latents, all books together."""
    norm_groups: PositiveInt = 32
    """Groups of each group norm."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for level in self.attention_levels:
            if not 0 <= level < len(self.widths):
                raise ValueError(f"attention_levels: {level} isn't one of the {len(self.widths)} levels, 0 the finest")


@dataclass(frozen=True, kw_only=True)
class VqganConfig(VqganShape):
    """VQGAN's autoencoder with one latent, which VQGAN-LC keeps."""

    kind: Literal["vqgan"] = "vqgan"


@dataclass(frozen=True, kw_only=True)
class FqganConfig(VqganShape):
    """FQGAN's autoencoder: one trunk, and for each book a branch with a transformer adapter (section 3.1)."""

    kind: Literal["fqgan"] = "fqgan"
    latent_dim: PositiveInt = 16
    num_branches: PositiveInt = 2
    """Branches of the encoder: one for each of the quantizer's books."""
    adapter_layers: PositiveInt = 6
    """Transformer layers of each branch's adapter."""
    adapter_heads: PositiveInt = 8
    """Attention heads of each adapter; they divide the coarsest level's width."""


@dataclass(frozen=True, kw_only=True)
class OpenMagvit2Config(Levels):
    """Open-MAGVIT2's autoencoder: convolutions alone, and a decoder whose levels are normed by the latents."""

    kind: Literal["open_magvit2"] = "open_magvit2"
    widths: tuple[PositiveInt, ...] = (128, 128, 256, 256, 512)
    """Channels of each level, from the finest to the coarsest; multiples of ``norm_groups``."""
    num_blocks: PositiveInt = 4
    """Residual blocks of each level of encoder and decoder, and of the middle of both."""
    latent_dim: PositiveInt = 18
    """Channels D of the latents: one a bit."""
    norm_groups: PositiveInt = 32
    """Groups of each group norm."""


AutoencoderConfig = SeqganConfig | SeqganPooledConfig | MaskgitConfig | VqganConfig | FqganConfig | OpenMagvit2Config


@dataclass(frozen=True, kw_only=True)
class DecoderAttentionConfig:
    """Interleaved block regional and dilated attention of phase 2 (SeQ-GAN Table 7, HiT).

    The paper leaves the size of a region, the heads and the norm open.
    """

    block_sizes: tuple[PositiveInt, ...] = (4, 4, 8, 8, 16)
    """Side P of a region, for each level from the coarsest to the finest; divides the level's resolution. The root of
    the resolution is a balanced choice: 4, 4, 8, 8, 16 for 16 to 256 (32 and 128 may round either way)."""
    head_dim: PositiveInt = 64
    """Channels of an attention head; divides every level's width. 64 is the usual number."""
    pairs: PositiveInt = 1
    """Pairs of one regional and one dilated attention at each level: 1 in SeQ-GAN's Table 7, 2 in Table 1's
    "+Attention x 2"."""
