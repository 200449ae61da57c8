"""Blocks that the autoencoders share."""

from torch import Tensor, nn
from torch.nn import functional as F


class GroupNorm(nn.GroupNorm):
    """Group norm in float32 whatever the autocast, as CUDA's autocast does it; on the CPU bfloat16 is also slower."""

    def __init__(self, groups: int, width: int) -> None:
        super().__init__(groups, width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float())


class ResidualBlock(nn.Module):
    """GroupNorm-swish-conv twice, plus the input; (B, in, H, W) to (B, out, H, W).

    Where the widths differ, a 1 x 1 convolution of the input stands in for it. Convolutions have a ``bias`` in VQGAN
    and SeQ-GAN, none in MaskGIT's layout and in Open-MAGVIT2.
    """

    def __init__(self, in_width: int, out_width: int, norm_groups: int, bias: bool = False) -> None:
        super().__init__()
        self.norm1 = GroupNorm(norm_groups, in_width)
        self.conv1 = nn.Conv2d(in_width, out_width, 3, padding=1, bias=bias)
        self.norm2 = GroupNorm(norm_groups, out_width)
        self.conv2 = nn.Conv2d(out_width, out_width, 3, padding=1, bias=bias)
        same = in_width == out_width
        self.shortcut = nn.Identity() if same else nn.Conv2d(in_width, out_width, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x)))
        return self.shortcut(x) + self.conv2(F.silu(self.norm2(y)))


class Downsample(nn.Module):
    """Halves the resolution by a 3 x 3 convolution of stride 2, padded on the right and below (VQGAN)."""

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_width, out_width, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Doubles the resolution by nearest neighbour, then a 3 x 3 convolution."""

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_width, out_width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


def output_head(in_width: int, out_width: int, norm_groups: int, kernel: int) -> nn.Sequential:
    """Returns GroupNorm-swish-conv, the last layer of encoder (1 x 1) and decoder (3 x 3)."""
    return nn.Sequential(
        GroupNorm(norm_groups, in_width),
        nn.SiLU(),
        nn.Conv2d(in_width, out_width, kernel, padding=kernel // 2),
    )


class PixelDecoder(nn.Module):
    """A decoder whose ``conv_out`` ends in the convolution to pixels."""

    conv_out: nn.Sequential

    @property
    def last_layer(self) -> Tensor:
        """Weight of the last convolution, where the adaptive GAN weight compares gradients (VQGAN eq. 7)."""
        weight = self.conv_out[-1].weight
        assert isinstance(weight, Tensor)
        return weight
