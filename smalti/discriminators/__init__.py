"""Discriminators; a recipe chooses by ``kind``."""

from torch import nn

from smalti.config.discriminators import DiscriminatorConfig, PatchDiscriminatorConfig
from smalti.discriminators.patch import PatchDiscriminator
from smalti.discriminators.style import StyleDiscriminator

__all__ = ["build_discriminator"]


def build_discriminator(config: DiscriminatorConfig) -> nn.Module:
    """Returns the discriminator that ``config`` names: images (B, 3, H, W) in [-1, 1] to logits."""
    if isinstance(config, PatchDiscriminatorConfig):
        return PatchDiscriminator(config)
    return StyleDiscriminator(config)
