"""Convolution-only encoder and decoder of SeQ-GAN, as its Table 7 prints them.

B batch, C channels, H W pixels, h w grid, D latent dimension. Where the table is silent, the paper's own counts decide
(54.5, 57.9, 61.4 and 70.0 M in its Tables 1 and 3): convolutions have biases, those to and from the latents are 1 x 1,
and the decoder's blocks at 128 x 128 have 128 channels (printed: 256). That gives 54.547, 57.970, 61.394 and 69.898 M.
Two others come close: MaskGIT's layout with its own shortcut, a 1 x 1 convolution of a block's output, 54.516, 57.939,
61.362 and 69.861 M; the same with a true shortcut (pooled.py), 54.434, 57.857, 61.280 and 69.779 M.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise

from torch import Tensor, nn

from smalti.config.autoencoders import SeqganConfig
from smalti.tokenizers.blocks import Downsample, PixelDecoder, ResidualBlock, Upsample, output_head

Tail = Callable[[int, int], nn.Module]


class SeqganEncoder(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] to latents (B, D, h, w); h = H / factor.

    Residual blocks keep the width, the strided convolution at the end of a level changes it.
    """

    def __init__(self, config: SeqganConfig) -> None:
        super().__init__()
        widths, groups = config.widths, config.norm_groups
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        layers: list[nn.Module] = []
        for width, next_width, num_blocks in zip(widths, [*widths[1:], None], config.encoder_blocks, strict=True):
            layers += [ResidualBlock(width, width, groups, bias=True) for _ in range(num_blocks)]
            if next_width:
                layers.append(Downsample(width, next_width))
        self.levels = nn.Sequential(*layers)
        self.conv_out = output_head(widths[-1], config.latent_dim, groups, kernel=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.conv_out(self.levels(self.conv_in(images)))


class DecoderLevel(nn.Module):
    """Residual blocks at one resolution, then ``tail`` (the identity in phase 1, attention in phase 2)."""

    def __init__(self, blocks: Iterable[nn.Module], tail: nn.Module) -> None:
        super().__init__()
        self.blocks, self.tail = nn.Sequential(*blocks), tail

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.blocks(x))


class LevelDecoder(PixelDecoder):
    """Latents (B, D, h, w) to images (B, 3, H, W), unclamped: levels, coarsest first, and upsampling between them."""

    def __init__(
        self, conv_in: nn.Module, upsamples: Iterable[nn.Module], levels: Iterable[nn.Module], conv_out: nn.Sequential
    ) -> None:
        super().__init__()
        self.conv_in, self.levels, self.upsamples = conv_in, nn.ModuleList(levels), nn.ModuleList(upsamples)
        self.conv_out = conv_out

    def forward(self, latents: Tensor) -> Tensor:
        x = self.conv_in(latents)
        for number, level in enumerate(self.levels):
            if number:
                x = self.upsamples[number - 1](x)
            x = level(x)
        return self.conv_out(x)


class SeqganDecoder(LevelDecoder):
    """Residual blocks keep the width, the upsampling in front of a level changes it.

    ``tail(level, width)`` builds what follows the residual blocks of a level, coarsest level first.
    """

    def __init__(self, config: SeqganConfig, tail: Tail = lambda level, width: nn.Identity()) -> None:
        widths, groups = config.widths[::-1], config.norm_groups
        levels = []
        for level, (width, num_blocks) in enumerate(zip(widths, config.decoder_blocks, strict=True)):
            blocks = [ResidualBlock(width, width, groups, bias=True) for _ in range(num_blocks)]
            levels.append(DecoderLevel(blocks, tail(level, width)))
        super().__init__(
            conv_in=nn.Conv2d(config.latent_dim, widths[0], 1),
            levels=levels,
            upsamples=[Upsample(width, next_width) for width, next_width in pairwise(widths)],
            conv_out=output_head(widths[-1], 3, groups, kernel=3),
        )
