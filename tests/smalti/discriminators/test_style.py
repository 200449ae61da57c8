"""The style discriminator against StyleGAN2's, written out anew from its weights."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from smalti.config.discriminators import StyleDiscriminatorConfig
from smalti.discriminators.style import StyleDiscriminator

WIDTHS, GROUP = (4, 6, 10, 8), 2  # 32 px


def random_weights() -> dict[str, Tensor]:
    """Weights and biases by the names of a state dict, in float64."""
    shapes = {"conv_in": (WIDTHS[0], 3, 1, 1), "conv_out": (WIDTHS[-1], WIDTHS[-1] + 1, 3, 3)}
    for i, (narrow, wide) in enumerate(itertools.pairwise(WIDTHS)):
        shapes |= {f"blocks.{i}.conv1": (narrow, narrow, 3, 3), f"blocks.{i}.conv2": (wide, narrow, 3, 3)}
        shapes |= {f"blocks.{i}.skip": (wide, narrow, 1, 1)}
    shapes |= {"hidden": (WIDTHS[-1], 16 * WIDTHS[-1]), "out": (1, WIDTHS[-1])}
    random = torch.Generator().manual_seed(0)
    found = {}
    for name, shape in shapes.items():
        found[f"{name}.weight"] = torch.randn(shape, generator=random, dtype=torch.float64)
        if not name.endswith("skip"):
            found[f"{name}.bias"] = torch.randn(shape[0], generator=random, dtype=torch.float64)
    return found


def low_pass(x: Tensor, around: int) -> Tensor:
    """[1, 3, 3, 1] / 8 down and across, as sums of shifted maps, behind ``around`` zeros on each side."""
    x = F.pad(x, (around,) * 4)
    for axis in (2, 3):
        length = x.shape[axis] - 3
        x = sum(tap / 8 * x.narrow(axis, start, length) for start, tap in enumerate((1, 3, 3, 1)))  # type: ignore[assignment]
    return x


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x) * 2**0.5


def published(weights: dict[str, Tensor], images: Tensor) -> Tensor:
    """StyleGAN2's residual discriminator; a standard deviation over the images (0, 1), (2, 3), ..."""

    def convolve(name: str, x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        weight = weights[f"{name}.weight"]
        return F.conv2d(
            x, weight / math.sqrt(weight[0].numel()), weights.get(f"{name}.bias"), stride=stride, padding=padding
        )

    def connect(name: str, x: Tensor) -> Tensor:
        weight = weights[f"{name}.weight"]
        return x @ weight.T / math.sqrt(weight.shape[1]) + weights[f"{name}.bias"]

    x = leaky(convolve("conv_in", images))
    for i in range(len(WIDTHS) - 1):
        y = leaky(convolve(f"blocks.{i}.conv1", x, padding=1))
        y = leaky(convolve(f"blocks.{i}.conv2", low_pass(y, 2), stride=2))
        x = (y + convolve(f"blocks.{i}.skip", low_pass(x, 1), stride=2)) / 2**0.5
    spread = torch.empty(len(x), 1, 4, 4, dtype=x.dtype)
    for start in range(0, len(x), GROUP):
        group = x[start : start + GROUP]
        variance = ((group - group.mean(0)) ** 2).mean(0)
        spread[start : start + GROUP] = (variance + 1e-8).sqrt().mean()
    x = leaky(convolve("conv_out", torch.cat([x, spread], 1), padding=1))
    return connect("out", leaky(connect("hidden", x.reshape(len(x), -1))))


def loaded(weights: dict[str, Tensor]) -> StyleDiscriminator:
    network = StyleDiscriminator(StyleDiscriminatorConfig(widths=WIDTHS, stddev_group=GROUP)).double()
    network.load_state_dict(weights)
    return network


def test_it_computes_what_stylegan2_does() -> None:
    weights = random_weights()
    images = torch.randn(4, 3, 32, 32, dtype=torch.float64)
    expected = published(weights, images)
    # The standard deviation is taken in float32.
    torch.testing.assert_close(loaded(weights)(images), expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())


def test_its_gradient_is_stylegan2s() -> None:
    """The generator learns from it, and R1 from its square."""
    weights = random_weights()
    network, images = loaded(weights), torch.randn(2, 3, 32, 32, dtype=torch.float64, requires_grad=True)
    found = torch.autograd.grad(network(images).sum(), images)[0]
    expected = torch.autograd.grad(published(weights, images).sum(), images)[0]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())


def test_groups_are_consecutive_images() -> None:
    """Two ranks with the halves of a batch give the logits of the whole one."""
    network, images = loaded(random_weights()), torch.randn(8, 3, 32, 32, dtype=torch.float64)
    halves = torch.cat([network(images[:4]), network(images[4:])])
    torch.testing.assert_close(network(images), halves)


def test_size_and_work_are_stylegan2s() -> None:
    """24.00 M parameters at 256 px, multiplier 1. Each block has a convolution at full resolution and one at half: with
    both at full resolution the 3 x 3 convolutions alone would take 28.1 G multiply-adds."""
    with torch.device("meta"):
        network = StyleDiscriminator(StyleDiscriminatorConfig())
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, 3, 256, 256))
    assert sum(p.numel() for p in network.parameters()) == 24_001_089
    widths, size, work = (64, 128, 256, 512, 512, 512, 512), 256, 3 * 64 * 256**2
    for narrow, wide in itertools.pairwise(widths):
        half = size // 2
        work += 9 * narrow**2 * size**2 + (9 * narrow * wide + narrow * wide) * half**2
        work += 16 * narrow * ((size + 1) ** 2 + half**2)  # blurs
        size = half
    work += 9 * 513 * 512 * 4**2 + 512 * 16 * 512 + 512
    assert counter.get_total_flops() == 2 * work
    assert work == pytest.approx(15.54e9, rel=1e-3)


def test_the_resolution_is_named() -> None:
    network = StyleDiscriminator(StyleDiscriminatorConfig(widths=(8, 8, 8)))
    assert network(torch.randn(4, 3, 16, 16)).shape == (4, 1)
    with pytest.raises(ValueError, match="widths are for 16 px, images have 32"):
        network(torch.randn(1, 3, 32, 32))
