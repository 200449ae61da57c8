"""Convolution-only encoder and decoder of SeQ-GAN (Table 7), in the layout of MaskGIT's VQGAN.

B batch, C channels, H W pixels, h w grid, D latent dimension. Two decisions where public code and paper differ: the
shortcut of a residual block that changes its width is a 1 x 1 convolution of the block's *input* (MaskGIT's ports
apply it to the output), and downsampling is average pooling, as in MaskGIT, which is what fits the paper's 54.5 M.
"""

from collections.abc import Callable

from torch import Tensor, nn

from smalti.config.autoencoders import SeqganConfig
from smalti.tokenizers.blocks import PixelDecoder, ResidualBlock, Upsample, output_head


class Encoder(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] to latents (B, D, h, w); h = H / factor."""

    def __init__(self, config: SeqganConfig) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, config.widths[0], 3, padding=1, bias=False)
        layers: list[nn.Module] = []
        width = config.widths[0]
        for level, (level_width, num_blocks) in enumerate(zip(config.widths, config.encoder_blocks, strict=True)):
            if level:
                layers.append(nn.AvgPool2d(2))
            for _ in range(num_blocks):
                layers.append(ResidualBlock(width, level_width, config.norm_groups))
                width = level_width
        self.levels = nn.Sequential(*layers)
        self.conv_out = output_head(width, config.latent_dim, config.norm_groups, kernel=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.conv_out(self.levels(self.conv_in(images)))


class DecoderLevel(nn.Module):
    """Residual blocks at one resolution, then ``tail`` (the identity in phase 1, attention in phase 2)."""

    def __init__(self, in_width: int, width: int, num_blocks: int, norm_groups: int, tail: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(ResidualBlock(width if i else in_width, width, norm_groups) for i in range(num_blocks))
        )
        self.tail = tail

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.blocks(x))


class Decoder(PixelDecoder):
    """Quantised latents (B, D, h, w) to images (B, 3, H, W), unclamped.

    ``tail(level, width)`` builds what follows the residual blocks of a level, coarsest level first.
    """

    def __init__(
        self,
        config: SeqganConfig,
        tail: Callable[[int, int], nn.Module] = lambda level, width: nn.Identity(),
    ) -> None:
        super().__init__()
        widths = config.widths[::-1]
        self.conv_in = nn.Conv2d(config.latent_dim, widths[0], 3, padding=1)
        self.levels = nn.ModuleList()
        self.upsamples = nn.ModuleList(Upsample(width) for width in widths[:-1])
        width = widths[0]
        for level, (level_width, num_blocks) in enumerate(zip(widths, config.decoder_blocks, strict=True)):
            self.levels.append(
                DecoderLevel(width, level_width, num_blocks, config.norm_groups, tail(level, level_width))
            )
            width = level_width
        self.conv_out = output_head(width, 3, config.norm_groups, kernel=3)

    def forward(self, latents: Tensor) -> Tensor:
        x = self.conv_in(latents)
        for level, block in enumerate(self.levels):
            if level:
                x = self.upsamples[level - 1](x)
            x = block(x)
        return self.conv_out(x)
