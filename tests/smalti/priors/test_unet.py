"""The UNet of latent diffusion: counts, its first output, what fits."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch

from smalti.building import build_outline
from smalti.config.latent_priors import LatentSpace, UnetNetworkConfig
from smalti.priors.unet import LatentUnet

F16 = LatentSpace(num_channels=8, grid=(16, 16), num_classes=1000)
F8 = LatentSpace(num_channels=4, grid=(32, 32), num_classes=1000)
TINY = UnetNetworkConfig(
    width=16, multipliers=(1, 2), num_blocks=1, attention=(2,), head_width=8, context_width=12, num_groups=8
)
SPACE = LatentSpace(num_channels=3, grid=(4, 6), num_classes=5)


def inputs(space: LatentSpace) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(3, space.num_channels, *space.grid), torch.tensor([0.0, 999.0, 37.0]), torch.tensor([0, 5, 1])


def filled() -> LatentUnet:
    """A network with weights that matter."""
    network = LatentUnet(TINY, SPACE)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


@pytest.mark.parametrize(
    ("config", "space", "parameters", "heads"),
    [
        (UnetNetworkConfig(), F16, 270_265_864, {8, 32}),
        (UnetNetworkConfig(multipliers=(1, 2, 4), num_blocks=2, attention=(1, 2, 4)), F8, 394_984_196, {8, 16, 32}),
    ],
)
def test_it_has_the_released_number_of_parameters(
    config: UnetNetworkConfig, space: LatentSpace, parameters: int, heads: set[int]
) -> None:
    """VQGAN-LC's two; heads of 32 channels each."""
    network = build_outline(lambda: LatentUnet(config, space))
    assert sum(parameter.numel() for parameter in network.unet.parameters()) == parameters
    assert sum(parameter.numel() for parameter in network.classes.parameters()) == 1001 * 512
    attention = [module for module in network.modules() if type(module).__name__ == "Attention"]
    assert {module.heads for module in attention} == heads
    assert all(module.to_q.out_features == 32 * module.heads for module in attention)


def test_the_first_output_is_zero() -> None:
    found = LatentUnet(TINY, SPACE)(*inputs(SPACE))
    assert found.shape == (3, 3, 4, 6) and (found == 0).all()


def test_residual_branches_start_at_zero() -> None:
    """Of each residual block the second convolution, of each attention the last projection, and the output."""
    network = LatentUnet(TINY, SPACE)
    zero = {name for name, parameter in network.unet.named_parameters() if (parameter == 0).all()}
    weights = {name for name in zero if name.endswith(".weight")}
    blocks = [type(module).__name__ for module in network.unet.modules()]
    assert len(weights) == blocks.count("ResnetBlock2D") + blocks.count("Transformer2DModel") + 1


def test_it_reads_noise_time_and_class() -> None:
    network, (latents, time, labels) = filled(), inputs(SPACE)
    found = network(latents, time, labels)
    others = (
        network(latents + 1, time, labels),
        network(latents, time + 1, labels),
        network(latents, time, labels - labels),
    )
    assert all((other[1] - found[1]).abs().max() > 1e-5 for other in others)
    torch.testing.assert_close(network(latents[:1], time[:1], labels[:1]), found[:1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(copy.deepcopy(network)(latents, time, labels), found)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(latents, time, labels)
    assert (half - found).abs().mean() < 0.05 * found.abs().mean()
    assert network.double()(latents.double(), time, labels).dtype == torch.float64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"multipliers": (1, 1, 1)}, r"multipliers \[1, 1, 1\] halve the grid 2 times, and 4 doesn't divide"),
        ({"multipliers": ()}, "give one for each level"),
        ({"width": 12}, "12 channels at factor 1 must be a multiple of num_groups 8"),
        ({"head_width": 12}, "32 channels at factor 2 must be a multiple of head_width 12"),
        ({"attention": (4,)}, r"attention 4: the levels' factors are \[1, 2\]; leave it out"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LatentUnet(replace(TINY, **change), SPACE)
