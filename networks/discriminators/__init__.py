"""Discriminators; a recipe chooses by ``kind``."""

from torch import nn

from configs.architecture import DiscriminatorConfig, PatchDiscriminatorConfig
from networks.discriminators.patch import PatchDiscriminator
from networks.discriminators.style import StyleDiscriminator

__all__ = ["build_discriminator"]


def build_discriminator(config: DiscriminatorConfig) -> nn.Module:
    """Returns the discriminator that ``config`` names: images (B, 3, H, W) in [-1, 1] to logits."""
    if isinstance(config, PatchDiscriminatorConfig):
        return PatchDiscriminator(config)
    return StyleDiscriminator(config)
