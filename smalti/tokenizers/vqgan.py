"""Encoder and decoder of VQGAN (Esser et al. 2021), with attention at the coarsest maps; FQGAN's trunk too.

B batch, C channels, H W pixels, h w grid, D latent dimension. Counts agree with the released network: 72.14 M at
K = 1,024 and D = 256 (SeQ-GAN Table 3).
"""

from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn

from smalti.config.autoencoders import VqganShape
from smalti.layers.attend import attend
from smalti.tokenizers.blocks import Downsample, GroupNorm, PixelDecoder, ResidualBlock, Upsample, output_head


class MapAttention(nn.Module):
    """Self-attention of one head over all positions of a map, with the input added; (B, C, H, W) to the same."""

    def __init__(self, width: int, norm_groups: int) -> None:
        super().__init__()
        self.norm = GroupNorm(norm_groups, width)
        self.query_key_value = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.query_key_value(self.norm(x)).flatten(2).mT.chunk(3, dim=2)
        found = attend(query[:, None], key[:, None], value[:, None])[:, 0]
        return x + self.out(found.mT.unflatten(2, x.shape[2:]))


def level(config: VqganShape, in_width: int, width: int, num_blocks: int, attention: bool) -> list[nn.Module]:
    """Returns the residual blocks of one level, each followed by attention where the level has it."""
    layers: list[nn.Module] = []
    for i in range(num_blocks):
        layers.append(ResidualBlock(width if i else in_width, width, config.norm_groups, bias=True))
        if attention:
            layers.append(MapAttention(width, config.norm_groups))
    return layers


def middle(config: VqganShape) -> nn.Sequential:
    """Returns residual block, attention, residual block at the coarsest level."""
    width, groups = config.widths[-1], config.norm_groups
    return nn.Sequential(
        ResidualBlock(width, width, groups, bias=True),
        MapAttention(width, groups),
        ResidualBlock(width, width, groups, bias=True),
    )


class VqganTrunk(nn.Module):
    """Images (B, 3, H, W) to features (B, ``widths[-1]``, h, w): the encoder up to its middle."""

    def __init__(self, config: VqganShape) -> None:
        super().__init__()
        widths = (config.widths[0], *config.widths)
        layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, padding=1)]
        for number, (in_width, width) in enumerate(pairwise(widths)):
            if number:
                layers.append(Downsample(in_width, in_width))
            layers += level(config, in_width, width, config.num_blocks, number in config.attention_levels)
        self.levels = nn.Sequential(*layers, middle(config))

    def forward(self, images: Tensor) -> Tensor:
        return self.levels(images)


def latent_head(config: VqganShape, latent_dim: int) -> nn.Sequential:
    """Returns GroupNorm-swish-conv to ``bottleneck`` channels, then the 1 x 1 convolution to the codebook's width."""
    head = output_head(config.widths[-1], config.bottleneck, config.norm_groups, kernel=3)
    return nn.Sequential(*head, nn.Conv2d(config.bottleneck, latent_dim, 1))


class VqganEncoder(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] to latents (B, D, h, w); h = H / factor."""

    def __init__(self, config: VqganShape) -> None:
        super().__init__()
        self.trunk = VqganTrunk(config)
        self.head = latent_head(config, config.latent_dim)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.trunk(images))


class VqganDecoder(PixelDecoder):
    """Quantised latents (B, D, h, w) to images (B, 3, H, W), unclamped; one residual block a level more than the
    encoder. ``tail(level, width)`` builds what follows a level's blocks, coarsest level first (phase 2)."""

    def __init__(
        self, config: VqganShape, tail: Callable[[int, int], nn.Module] = lambda level, width: nn.Identity()
    ) -> None:
        super().__init__()
        widths = config.widths[::-1]
        self.post_quant = nn.Conv2d(config.latent_dim, config.bottleneck, 1)
        self.conv_in = nn.Conv2d(config.bottleneck, widths[0], 3, padding=1)
        self.middle = middle(config)
        self.levels, self.tail = nn.ModuleList(), nn.ModuleList()
        for number, (in_width, width) in enumerate(pairwise((widths[0], *widths))):
            upsample = [Upsample(in_width, in_width)] if number else []
            attention = len(widths) - 1 - number in config.attention_levels
            blocks = level(config, in_width, width, config.num_blocks + 1, attention)
            self.levels.append(nn.Sequential(*upsample, *blocks))
            self.tail.append(tail(number, width))
        self.conv_out = output_head(widths[-1], 3, config.norm_groups, kernel=3)

    def forward(self, latents: Tensor) -> Tensor:
        x = self.middle(self.conv_in(self.post_quant(latents)))
        for block, tail in zip(self.levels, self.tail, strict=True):
            x = tail(block(x))
        return self.conv_out(x)
