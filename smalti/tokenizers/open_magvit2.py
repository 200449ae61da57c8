"""Encoder and decoder of Open-MAGVIT2 (Luo et al. 2024), in the layout of its released code.

B batch, C channels, H W pixels, h w grid, D latent dimension, one channel a bit. Convolutions alone, no attention;
residual blocks without biases, the convolutions between the levels with them. 49,751,442 and 65,376,387 parameters.
"""

from collections.abc import Callable
from itertools import pairwise

from einops import rearrange
from torch import Tensor, nn

from smalti.config.autoencoders import OpenMagvit2Config
from smalti.tokenizers.blocks import PixelDecoder, ResidualBlock, output_head

EPSILON = 1e-6


def blocks(in_width: int, width: int, config: OpenMagvit2Config) -> nn.Sequential:
    """Returns the residual blocks of one level; the first one changes the width."""
    return nn.Sequential(
        *(ResidualBlock(width if i else in_width, width, config.norm_groups) for i in range(config.num_blocks))
    )


class OpenMagvit2Encoder(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] to latents (B, D, h, w); h = H / factor."""

    def __init__(self, config: OpenMagvit2Config) -> None:
        super().__init__()
        widths = (config.widths[0], *config.widths)
        layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, padding=1, bias=False)]
        for number, (in_width, width) in enumerate(pairwise(widths)):
            if number:
                layers.append(nn.Conv2d(in_width, in_width, 3, stride=2, padding=1))
            layers.append(blocks(in_width, width, config))
        self.levels = nn.Sequential(*layers)
        self.middle = blocks(widths[-1], widths[-1], config)
        self.conv_out = output_head(widths[-1], config.latent_dim, config.norm_groups, kernel=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.conv_out(self.middle(self.levels(images)))


class DepthToSpace(nn.Module):
    """A 3 x 3 convolution to four times the width, then each quarter of the channels to one corner of 2 x 2 pixels;
    (B, C, H, W) to (B, C, 2H, 2W).

    Channel (2 p + q) C + c goes to row p and column q of channel c; PyTorch's pixel shuffle has c outermost.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, 4 * width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return rearrange(self.conv(x), "b (p q c) h w -> b c (h p) (w q)", p=2, q=2)


class AdaptiveGroupNorm(nn.Module):
    """Group norm whose scale and shift come from the latents of the whole image; (B, C, H, W) to the same.

    The scale of a channel is a linear map of the deviations over the positions of all D latent channels (N - 1 in the
    denominator), the shift one of their means. All of these statistics are float32 whatever the autocast.

    Raises:
        ValueError: latents of one position, which have no deviation.
    """

    def __init__(self, width: int, latent_dim: int, norm_groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(norm_groups, width, eps=EPSILON, affine=False)
        self.scale, self.shift = nn.Linear(latent_dim, width), nn.Linear(latent_dim, width)

    def forward(self, x: Tensor, latents: Tensor) -> Tensor:
        rows = latents.flatten(2).float()
        if rows.shape[2] < 2:
            raise ValueError("open_magvit2: latents of one position have no deviation to norm by; take larger images")
        scale, shift = self.scale((rows.var(2) + EPSILON).sqrt()), self.shift(rows.mean(2))
        return scale[:, :, None, None] * self.norm(x.float()) + shift[:, :, None, None]


class OpenMagvit2Level(nn.Module):
    """One resolution of the decoder: the norm by the latents, residual blocks, then ``tail``."""

    def __init__(self, in_width: int, width: int, config: OpenMagvit2Config, tail: nn.Module) -> None:
        super().__init__()
        self.norm = AdaptiveGroupNorm(in_width, config.latent_dim, config.norm_groups)
        self.blocks, self.tail = blocks(in_width, width, config), tail

    def forward(self, x: Tensor, latents: Tensor) -> Tensor:
        return self.tail(self.blocks(self.norm(x, latents)))


class OpenMagvit2Decoder(PixelDecoder):
    """Quantised latents (B, D, h, w) to images (B, 3, H, W), unclamped.

    ``tail(level, width)`` builds what follows a level's blocks, coarsest level first (phase 2).
    """

    def __init__(
        self, config: OpenMagvit2Config, tail: Callable[[int, int], nn.Module] = lambda level, width: nn.Identity()
    ) -> None:
        super().__init__()
        widths = config.widths[::-1]
        self.conv_in = nn.Conv2d(config.latent_dim, widths[0], 3, padding=1)
        self.middle = blocks(widths[0], widths[0], config)
        self.levels = nn.ModuleList(
            OpenMagvit2Level(in_width, width, config, tail(number, width))
            for number, (in_width, width) in enumerate(pairwise((widths[0], *widths)))
        )
        self.upsamples = nn.ModuleList(DepthToSpace(width) for width in widths[:-1])
        self.conv_out = output_head(widths[-1], 3, config.norm_groups, kernel=3)

    def forward(self, latents: Tensor) -> Tensor:
        x = self.middle(self.conv_in(latents))
        for number, level in enumerate(self.levels):
            x = level(self.upsamples[number - 1](x) if number else x, latents)
        return self.conv_out(x)
