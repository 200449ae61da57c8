"""Encoders and decoders; a recipe chooses by ``kind``."""

from collections.abc import Callable

from torch import nn

from configs.architecture import AutoencoderConfig, AutoencoderKind, FqganConfig
from networks.fqgan import FqganEncoder
from networks.seqgan import Decoder, Encoder
from networks.vqgan import VqganDecoder, VqganEncoder

AnyDecoder = Decoder | VqganDecoder
Tail = Callable[[int, int], nn.Module]


def nothing(level: int, width: int) -> nn.Module:
    """Returns what follows a level of phase 1's decoder: the identity."""
    return nn.Identity()


def build_encoder(config: AutoencoderKind, image_size: int) -> nn.Module:
    """Returns images (B, 3, H, W) to latents (B, D, h, w), for images of ``image_size`` pixels."""
    if isinstance(config, AutoencoderConfig):
        return Encoder(config)
    if isinstance(config, FqganConfig):
        return FqganEncoder(config, image_size)
    return VqganEncoder(config)


def build_decoder(config: AutoencoderKind, tail: Tail = nothing) -> AnyDecoder:
    """Returns latents to images; ``tail`` builds what follows a level's blocks."""
    return Decoder(config, tail) if isinstance(config, AutoencoderConfig) else VqganDecoder(config, tail)
