"""Shapes of priors over latents, as data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smalti.config.priors import PriorNetworkConfig
from smalti.config.ranges import PositiveInt


@dataclass(frozen=True, kw_only=True)
class LatentSpace:
    """What a prior over latents is over: ``num_channels`` D channels on a ``grid`` (h, w), of images of
    ``num_classes`` classes (0: no labels)."""

    num_channels: int
    grid: tuple[int, ...]
    num_classes: int

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "LatentSpace":
        """Returns the space that latents, or a prior trained on them, were published with.

        >>> LatentSpace.of({"latent_dim": 8, "grid": [16, 16], "class_names": ["cat", "dog"]})
        LatentSpace(num_channels=8, grid=(16, 16), num_classes=2)
        """
        height, width = facts["grid"]
        return cls(num_channels=facts["latent_dim"], grid=(height, width), num_classes=len(facts["class_names"]))

    def misfits(self, grid: Sequence[int], num_classes: int) -> Iterator[str]:
        """Yields what can't be, of a prior on this ``grid`` with so many classes."""
        if self.num_channels < 1:
            yield f"space {self}: channels are at least 1"
        if tuple(grid) != tuple(self.grid):
            yield f"grid {list(grid)}: the latents' is {list(self.grid)}"
        if num_classes != self.num_classes:
            yield f"class_names: {num_classes} names, num_classes is {self.num_classes}"


@dataclass(frozen=True, kw_only=True)
class LatentPriorNetworkConfig(PriorNetworkConfig):
    """What the shapes of priors over latents have in common."""

    def num_sub_tokens(self, num_books: int) -> int:
        """Returns 1: latents have one scale of guidance, whatever the books that they are quantised by."""
        return 1

    def misfits_of(self, space: LatentSpace) -> Iterator[str]:
        """Yields what doesn't fit the latents of ``space``, each with its remedy."""
        yield from ()


@dataclass(frozen=True, kw_only=True)
class DitNetworkConfig(LatentPriorNetworkConfig):
    """Diffusion transformer (Peebles & Xie 2023, Table 1); the default is XL/2."""

    num_layers: PositiveInt = 28
    """Blocks (S and B: 12; L: 24; XL: 28)."""
    num_heads: PositiveInt = 16
    """Attention heads (S: 6; B: 12; L and XL: 16); they divide ``width``."""
    width: PositiveInt = 1152
    """Channels of a position (S: 384; B: 768; L: 1,024; XL: 1,152); a multiple of 4 because of the fixed positions."""
    mlp_width: PositiveInt = 4608
    """Channels inside each MLP; 4 times ``width`` as published."""
    patch_size: PositiveInt = 2
    """Side of the squares of latents that become one position each; it divides the sides of the grid."""

    def __post_init__(self) -> None:
        if self.width % self.num_heads:
            raise ValueError(f"width {self.width} must be a multiple of num_heads {self.num_heads}")
        if self.width % 4:
            raise ValueError(f"width {self.width} must be a multiple of 4: sines and cosines of rows and columns")

    def misfits_of(self, space: LatentSpace) -> Iterator[str]:
        if any(side % self.patch_size for side in space.grid):
            yield f"patch_size {self.patch_size} must divide both sides of the latents' grid {list(space.grid)}"


@dataclass(frozen=True, kw_only=True)
class UnetNetworkConfig(LatentPriorNetworkConfig):
    """The UNet of latent diffusion (Rombach et al. 2022). The default is VQGAN-LC's on 8 x 16 x 16 latents; its f8
    model, on 4 x 32 x 32, has multipliers 1, 2, 4, 2 blocks and attention at 1, 2, 4."""

    width: PositiveInt = 256
    """Channels of the first level."""
    multipliers: tuple[PositiveInt, ...] = (1, 4)
    """Channels of each level in units of ``width``; each level but the first halves the grid."""
    num_blocks: PositiveInt = 3
    """Residual blocks of a level on the way down; one more on the way up."""
    attention: tuple[PositiveInt, ...] = (1,)
    """Downsampling factors 1, 2, 4, ... of the levels that attend to themselves and to the class; the middle always
    does. VQGAN-LC's f16 model names 4 too, which its two levels never reach."""
    head_width: PositiveInt = 32
    """Channels of an attention head; it divides the channels of the levels with attention, and of the last."""
    context_width: PositiveInt = 512
    """Channels of the class embedding that attention reads."""
    num_groups: PositiveInt = 32
    """Groups of each GroupNorm; they divide the channels of every level."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level.

        >>> UnetNetworkConfig().widths
        (256, 1024)
        """
        return tuple(self.width * multiplier for multiplier in self.multipliers)

    @property
    def factors(self) -> tuple[int, ...]:
        """Downsampling factor of each level."""
        return tuple(2**level for level in range(len(self.multipliers)))

    def __post_init__(self) -> None:
        if not self.multipliers:
            raise ValueError("multipliers []: give one for each level")
        for width, factor in zip(self.widths, self.factors, strict=True):
            if width % self.num_groups:
                raise ValueError(
                    f"{width} channels at factor {factor} must be a multiple of num_groups {self.num_groups}"
                )
            if (factor in self.attention or factor == self.factors[-1]) and width % self.head_width:
                raise ValueError(
                    f"{width} channels at factor {factor} must be a multiple of head_width {self.head_width}"
                )
        for factor in self.attention:
            if factor not in self.factors:
                raise ValueError(f"attention {factor}: the levels' factors are {list(self.factors)}; leave it out")

    def misfits_of(self, space: LatentSpace) -> Iterator[str]:
        if any(side % self.factors[-1] for side in space.grid):
            yield (
                f"multipliers {list(self.multipliers)} halve the grid {len(self.multipliers) - 1} times, and "
                f"{self.factors[-1]} doesn't divide both sides of {list(space.grid)}; give fewer multipliers"
            )
