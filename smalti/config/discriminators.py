"""Shapes of discriminators, as data; a recipe chooses by ``kind``."""

from dataclasses import dataclass
from typing import Literal

from smalti.config.ranges import PositiveInt


@dataclass(frozen=True, kw_only=True)
class StyleDiscriminatorConfig:
    """Residual discriminator of StyleGAN2 (Karras et al. 2020, appendix B)."""

    kind: Literal["style"] = "style"
    widths: tuple[PositiveInt, ...] = (64, 128, 256, 512, 512, 512, 512)
    """Channels at each resolution, from the image's down to 4 x 4; the default is 256 px at multiplier 1."""
    stddev_group: PositiveInt = 4
    """Consecutive images of the global batch that share one minibatch standard deviation."""


@dataclass(frozen=True, kw_only=True)
class PatchDiscriminatorConfig:
    """PatchGAN with group norm (no batch statistics, so ranks and accumulation cannot change it)."""

    kind: Literal["patch"] = "patch"
    width: PositiveInt = 64
    """Channels of the first layer; each further layer doubles them, up to 8 times as many."""
    num_layers: PositiveInt = 3
    """Convolutions behind the first one; all but the last halve the resolution (VQGAN: 3; VQGAN-LC's code: 2)."""
    norm_groups: PositiveInt = 8
    """Groups of each group norm."""


DiscriminatorConfig = StyleDiscriminatorConfig | PatchDiscriminatorConfig
