"""Encoders and decoders; a recipe chooses by ``kind``."""

from torch import nn

from smalti.config.autoencoders import (
    AutoencoderConfig,
    DecoderAttentionConfig,
    FqganConfig,
    OpenMagvit2Config,
    SeqganConfig,
)
from smalti.tokenizers.attention import DilatedAttention, RegionalAttention
from smalti.tokenizers.fqgan import FqganEncoder
from smalti.tokenizers.open_magvit2 import OpenMagvit2Decoder, OpenMagvit2Encoder
from smalti.tokenizers.seqgan import Decoder, Encoder
from smalti.tokenizers.vqgan import VqganDecoder, VqganEncoder

AnyDecoder = Decoder | VqganDecoder | OpenMagvit2Decoder


def build_encoder(config: AutoencoderConfig, image_size: int) -> nn.Module:
    """Returns images (B, 3, H, W) to latents (B, D, h, w), for images of ``image_size`` pixels."""
    if isinstance(config, SeqganConfig):
        return Encoder(config)
    if isinstance(config, FqganConfig):
        return FqganEncoder(config, image_size)
    if isinstance(config, OpenMagvit2Config):
        return OpenMagvit2Encoder(config)
    return VqganEncoder(config)


def build_decoder(config: AutoencoderConfig, attention: DecoderAttentionConfig | None = None) -> AnyDecoder:
    """Returns latents (B, D, h, w) to images (B, 3, H, W): phase 1's decoder, or with ``attention`` phase 2's, whose
    levels each end in pairs of a regional and a dilated attention layer.

    Raises:
        ValueError: block sizes for another number of levels.
    """
    if attention is not None and len(attention.block_sizes) != len(config.widths):
        raise ValueError(f"block_sizes {attention.block_sizes}: give one for each of the {len(config.widths)} levels")

    def tail(level: int, width: int) -> nn.Module:
        if attention is None:
            return nn.Identity()
        block, head_dim = attention.block_sizes[level], min(attention.head_dim, width)
        kinds = (RegionalAttention, DilatedAttention) * attention.pairs
        return nn.Sequential(*(kind(width, block, head_dim) for kind in kinds))

    if isinstance(config, SeqganConfig):
        return Decoder(config, tail)
    return OpenMagvit2Decoder(config, tail) if isinstance(config, OpenMagvit2Config) else VqganDecoder(config, tail)
