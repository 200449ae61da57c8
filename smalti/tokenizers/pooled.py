"""SeQ-GAN's autoencoder in the layout of MaskGIT's VQGAN: average pooling, and residual blocks that change the width.

The shortcut of such a block is a 1 x 1 convolution of its *input*; MaskGIT and its ports apply it to the output, and
have pixels in [0, 1]. Both kinds are here: the second is for released weights.
"""

from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from smalti.config.autoencoders import ConvolutionalShape
from smalti.tokenizers.blocks import ResidualBlock, Upsample, output_head
from smalti.tokenizers.seqgan import DecoderLevel, LevelDecoder, Tail


class OutputShortcutBlock(ResidualBlock):
    """A residual block as MaskGIT's code has it: where it changes the width, a 1 x 1 convolution of its output is added
    to the output, and the input is lost."""

    def __init__(self, in_width: int, out_width: int, norm_groups: int, bias: bool = False) -> None:
        super().__init__(in_width, out_width, norm_groups, bias)
        if in_width != out_width:
            self.shortcut = nn.Conv2d(out_width, out_width, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x)))
        y = self.conv2(F.silu(self.norm2(y)))
        return y + (x if isinstance(self.shortcut, nn.Identity) else self.shortcut(y))


def blocks(kind: type[ResidualBlock], in_width: int, width: int, num_blocks: int, norm_groups: int) -> list[nn.Module]:
    """Returns the residual blocks of one level; the first changes the width."""
    return [kind(width if i else in_width, width, norm_groups, bias=False) for i in range(num_blocks)]


class PooledEncoder(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] to latents (B, D, h, w); h = H / factor."""

    block: ClassVar[type[ResidualBlock]] = ResidualBlock

    def __init__(self, config: ConvolutionalShape) -> None:
        super().__init__()
        widths = (config.widths[0], *config.widths)
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        layers: list[nn.Module] = []
        for level, (before, width) in enumerate(pairwise(widths)):
            if level:
                layers.append(nn.AvgPool2d(2))
            layers += blocks(self.block, before, width, config.encoder_blocks[level], config.norm_groups)
        self.levels = nn.Sequential(*layers)
        self.conv_out = output_head(widths[-1], config.latent_dim, config.norm_groups, kernel=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.conv_out(self.levels(self.conv_in(images)))


class PooledDecoder(LevelDecoder):
    """Upsampling keeps the width. ``tail(level, width)`` builds what follows the blocks of a level, coarsest first."""

    block: ClassVar[type[ResidualBlock]] = ResidualBlock

    def __init__(self, config: ConvolutionalShape, tail: Tail = lambda level, width: nn.Identity()) -> None:
        widths, groups = config.widths[::-1], config.norm_groups
        super().__init__(
            conv_in=nn.Conv2d(config.latent_dim, widths[0], 3, padding=1),
            upsamples=[Upsample(width, width) for width in widths[:-1]],
            levels=[
                DecoderLevel(
                    blocks(self.block, before, width, config.decoder_blocks[level], groups), tail(level, width)
                )
                for level, (before, width) in enumerate(pairwise((widths[0], *widths)))
            ],
            conv_out=output_head(widths[-1], 3, groups, kernel=3),
        )


class MaskgitEncoder(PooledEncoder):
    """MaskGIT's encoder as released: images (B, 3, H, W) in [-1, 1] to latents; inside, pixels are in [0, 1]."""

    block = OutputShortcutBlock

    def forward(self, images: Tensor) -> Tensor:
        return super().forward((images + 1) / 2)


class MaskgitDecoder(PooledDecoder):
    """MaskGIT's decoder as released; its pixels are in [0, 1], what it returns in [-1, 1], unclamped."""

    block = OutputShortcutBlock

    def forward(self, latents: Tensor) -> Tensor:
        return super().forward(latents) * 2 - 1
