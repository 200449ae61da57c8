"""SeQ-GAN's autoencoder in the layout of MaskGIT's VQGAN: average pooling, and residual blocks that change the width.

The shortcut of such a block is a 1 x 1 convolution of its *input*; MaskGIT and its ports apply it to the output.
"""

from itertools import pairwise

from torch import Tensor, nn

from smalti.config.autoencoders import SeqganPooledConfig
from smalti.tokenizers.blocks import ResidualBlock, Upsample, output_head
from smalti.tokenizers.seqgan import DecoderLevel, LevelDecoder, Tail


def blocks(in_width: int, width: int, num_blocks: int, norm_groups: int) -> list[nn.Module]:
    """Returns the residual blocks of one level; the first changes the width."""
    return [ResidualBlock(width if i else in_width, width, norm_groups, bias=False) for i in range(num_blocks)]


class PooledEncoder(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] to latents (B, D, h, w); h = H / factor."""

    def __init__(self, config: SeqganPooledConfig) -> None:
        super().__init__()
        widths = (config.widths[0], *config.widths)
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        layers: list[nn.Module] = []
        for level, (before, width) in enumerate(pairwise(widths)):
            if level:
                layers.append(nn.AvgPool2d(2))
            layers += blocks(before, width, config.encoder_blocks[level], config.norm_groups)
        self.levels = nn.Sequential(*layers)
        self.conv_out = output_head(widths[-1], config.latent_dim, config.norm_groups, kernel=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.conv_out(self.levels(self.conv_in(images)))


class PooledDecoder(LevelDecoder):
    """Upsampling keeps the width. ``tail(level, width)`` builds what follows the blocks of a level, coarsest first."""

    def __init__(self, config: SeqganPooledConfig, tail: Tail = lambda level, width: nn.Identity()) -> None:
        widths, groups = config.widths[::-1], config.norm_groups
        super().__init__(
            conv_in=nn.Conv2d(config.latent_dim, widths[0], 3, padding=1),
            upsamples=[Upsample(width, width) for width in widths[:-1]],
            levels=[
                DecoderLevel(blocks(before, width, config.decoder_blocks[level], groups), tail(level, width))
                for level, (before, width) in enumerate(pairwise((widths[0], *widths)))
            ],
            conv_out=output_head(widths[-1], 3, groups, kernel=3),
        )
