"""Residual discriminator of StyleGAN2 (Karras et al. 2020, appendix B), which SeQ-GAN trains against.

It computes what rosinality's stylegan2-pytorch computes, but for the grouping of images in ``minibatch_stddev``.
"""

import itertools
import math

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.config.discriminators import StyleDiscriminatorConfig


class EqualisedConv(nn.Module):
    """Convolution whose weight is N(0, 1) and scaled by 1/sqrt(fan in) at run time (equalised learning rate).

    With stride 1 it keeps the size; with stride 2 nothing is padded, since a blur comes first and pads.
    """

    def __init__(self, in_width: int, out_width: int, kernel: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_width, in_width, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_width)) if bias else None
        self.scale = 1 / math.sqrt(in_width * kernel**2)
        self.stride, self.padding = stride, kernel // 2 if stride == 1 else 0

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)


class EqualisedLinear(nn.Module):
    """Linear layer with equalised learning rate."""

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_width, in_width))
        self.bias = nn.Parameter(torch.zeros(out_width))
        self.scale = 1 / math.sqrt(in_width)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


def activate(x: Tensor) -> Tensor:
    """Returns leaky ReLU (0.2) times sqrt 2, which keeps the variance."""
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


class Blur(nn.Module):
    """Low-pass filter [1, 3, 3, 1] / 8 along both axes, with zeros around; (B, C, H, W) to (B, C, H', W')."""

    kernel: Tensor

    def __init__(self, padding: int, stride: int = 1) -> None:
        """With padding p and stride 1, H' = H + 2 p - 3; stride 2 keeps every other row and column of that."""
        super().__init__()
        self.padding, self.stride = padding, stride
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", torch.outer(taps, taps), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = repeat(self.kernel, "p q -> c 1 p q", c=x.shape[1]).to(x.dtype)
        return F.conv2d(x, weight, stride=self.stride, padding=self.padding, groups=x.shape[1])


class DownBlock(nn.Module):
    """Residual block to half the resolution; (B, C, H, W) to (B, C', H/2, W/2).

    A 3 x 3 convolution, a blur, a 3 x 3 convolution of stride 2, beside a blur and a 1 x 1 convolution of stride 2; the
    sum of both paths over sqrt 2.
    """

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.conv1 = EqualisedConv(in_width, in_width, 3)
        self.conv2 = EqualisedConv(in_width, out_width, 3, stride=2)
        self.skip = EqualisedConv(in_width, out_width, 1, bias=False)
        self.blur = Blur(padding=2)
        self.halve = Blur(padding=1, stride=2)  # the skip's stride, taken early: no other position reaches it

    def forward(self, x: Tensor) -> Tensor:
        y = activate(self.conv2(self.blur(activate(self.conv1(x)))))
        return (y + self.skip(self.halve(x))) / math.sqrt(2)


def minibatch_stddev(x: Tensor, group: int) -> Tensor:
    """Returns x (B, C, H, W) with one more channel: the mean standard deviation over ``group`` consecutive images.

    The group is the largest divisor of the batch up to ``group``. Released code takes every (B / group)-th image
    instead. Ranks and accumulation steps hold consecutive shares of the global batch, so that groups of consecutive
    images are the same on any number of devices, and strided ones aren't.
    """
    size = max(n for n in range(1, min(group, len(x)) + 1) if len(x) % n == 0)
    y = rearrange(x.float(), "(m g) c h w -> m g c h w", g=size)
    std = (y.var(dim=1, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    feature = repeat(std, "m -> (m g) 1 h w", g=size, h=x.shape[2], w=x.shape[3])
    return torch.cat([x, feature.to(x.dtype)], dim=1)


class StyleDiscriminator(nn.Module):
    """Images (B, 3, H, W), H = 4 * 2 ** (number of widths - 1), to logits (B, 1)."""

    def __init__(self, config: StyleDiscriminatorConfig) -> None:
        super().__init__()
        widths = config.widths
        self.group = config.stddev_group
        self.resolution = 4 * 2 ** (len(widths) - 1)
        self.conv_in = EqualisedConv(3, widths[0], 1)
        self.blocks = nn.Sequential(*(DownBlock(a, b) for a, b in itertools.pairwise(widths)))
        self.conv_out = EqualisedConv(widths[-1] + 1, widths[-1], 3)
        self.hidden = EqualisedLinear(widths[-1] * 16, widths[-1])
        self.out = EqualisedLinear(widths[-1], 1)

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[-1] != self.resolution:
            raise ValueError(
                f"discriminator widths are for {self.resolution} px, images have {images.shape[-1]}; "
                "give one width for each halving down to 4 px"
            )
        x = self.blocks(activate(self.conv_in(images)))
        x = activate(self.conv_out(minibatch_stddev(x, self.group)))
        return self.out(activate(self.hidden(x.flatten(1))))
