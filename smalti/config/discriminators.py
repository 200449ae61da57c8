"""Shapes of discriminators, as data; a recipe chooses by ``kind``."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class StyleDiscriminatorConfig:
    """Residual discriminator of StyleGAN2.

    ``widths`` run from the image's resolution down to 4 x 4; the default is 256 px at multiplier 1.
    """

    kind: Literal["style"] = "style"
    widths: tuple[int, ...] = (64, 128, 256, 512, 512, 512, 512)
    stddev_group: int = 4  # consecutive images of the global batch that share one minibatch standard deviation


@dataclass(frozen=True, kw_only=True)
class PatchDiscriminatorConfig:
    """PatchGAN with group norm (no batch statistics, so ranks and accumulation cannot change it)."""

    kind: Literal["patch"] = "patch"
    width: int = 64
    num_layers: int = 3
    norm_groups: int = 8


DiscriminatorConfig = StyleDiscriminatorConfig | PatchDiscriminatorConfig
