"""Encoders and decoders; a recipe chooses by ``kind``."""

from typing import Any

from torch import nn

from smalti.config.autoencoders import AutoencoderConfig, DecoderAttentionConfig, FqganConfig
from smalti.tokenizers.attention import DilatedAttention, RegionalAttention
from smalti.tokenizers.fqgan import FqganEncoder
from smalti.tokenizers.open_magvit2 import OpenMagvit2Decoder, OpenMagvit2Encoder
from smalti.tokenizers.pooled import MaskgitDecoder, MaskgitEncoder, PooledDecoder, PooledEncoder
from smalti.tokenizers.seqgan import SeqganDecoder, SeqganEncoder
from smalti.tokenizers.vqgan import VqganDecoder, VqganEncoder

AnyDecoder = SeqganDecoder | PooledDecoder | VqganDecoder | OpenMagvit2Decoder
ENCODERS: dict[str, Any] = {
    "seqgan": SeqganEncoder, "seqgan_pooled": PooledEncoder, "maskgit": MaskgitEncoder, "vqgan": VqganEncoder,
    "open_magvit2": OpenMagvit2Encoder,
}  # fmt: skip
DECODERS: dict[str, Any] = {
    "seqgan": SeqganDecoder, "seqgan_pooled": PooledDecoder, "maskgit": MaskgitDecoder, "vqgan": VqganDecoder,
    "fqgan": VqganDecoder, "open_magvit2": OpenMagvit2Decoder,
}  # fmt: skip


def build_encoder(config: AutoencoderConfig, image_size: int) -> nn.Module:
    """Returns images (B, 3, H, W) to latents (B, D, h, w), for images of ``image_size`` pixels."""
    if isinstance(config, FqganConfig):
        return FqganEncoder(config, image_size)  # its positions have a grid
    encoder: nn.Module = ENCODERS[config.kind](config)
    return encoder


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

    decoder: AnyDecoder = DECODERS[config.kind](config, tail)
    return decoder
