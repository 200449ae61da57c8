"""Blocks that the autoencoders share."""

from torch import Tensor, nn
from torch.nn import functional as F


class GroupNorm(nn.GroupNorm):
    """Group norm in float32 whatever the autocast, as CUDA's autocast does it; on the CPU bfloat16 is also slower."""

    def __init__(self, groups: int, width: int) -> None:
        super().__init__(groups, width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float())


class Upsample(nn.Module):
    """Doubles the resolution by nearest neighbour, then a 3 x 3 convolution of the same width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

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
