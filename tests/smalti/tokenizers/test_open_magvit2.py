"""Open-MAGVIT2's autoencoder against its released layout, written out from the weights by their names."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from smalti.config.autoencoders import DecoderAttentionConfig, OpenMagvit2Config
from smalti.tokenizers.autoencoders import build_decoder, build_encoder
from smalti.tokenizers.open_magvit2 import AdaptiveGroupNorm

CONFIG = OpenMagvit2Config(widths=(8, 8, 16), num_blocks=2, latent_dim=5, norm_groups=4)
LEVELS, BLOCKS, GROUPS = 3, 2, 4
Weights = dict[str, Tensor]


def random_weights(network: torch.nn.Module) -> Weights:
    """Norms' scales and shifts too, so that each is seen. Returns them in float64."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return {name: value.double() for name, value in network.state_dict().items()}


def assert_equal(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5 * expected.abs().max().item())


def norm(weights: Weights, name: str, x: Tensor) -> Tensor:
    return F.group_norm(x, GROUPS, weights[f"{name}.weight"], weights[f"{name}.bias"], eps=1e-6)


def convolution(weights: Weights, name: str, x: Tensor, stride: int = 1) -> Tensor:
    kernel = weights[f"{name}.weight"]
    return F.conv2d(x, kernel, weights.get(f"{name}.bias"), stride=stride, padding=kernel.shape[-1] // 2)


def swish(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def residual(weights: Weights, name: str, x: Tensor) -> Tensor:
    y = convolution(weights, f"{name}.conv1", swish(norm(weights, f"{name}.norm1", x)))
    y = convolution(weights, f"{name}.conv2", swish(norm(weights, f"{name}.norm2", y)))
    return y + (convolution(weights, f"{name}.shortcut", x) if f"{name}.shortcut.weight" in weights else x)


def ending(weights: Weights, x: Tensor) -> Tensor:
    return convolution(weights, "conv_out.2", swish(norm(weights, "conv_out.0", x)))


def blocks(weights: Weights, name: str, x: Tensor) -> Tensor:
    for number in range(BLOCKS):
        x = residual(weights, f"{name}.{number}", x)
    return x


def released_encoder(weights: Weights, images: Tensor) -> Tensor:
    x = convolution(weights, "levels.0", images)
    for level in range(LEVELS):
        x = blocks(weights, f"levels.{2 * level + 1}", x)
        if level < LEVELS - 1:
            x = convolution(weights, f"levels.{2 * level + 2}", x, stride=2)
    return ending(weights, blocks(weights, "middle", x))


def released_decoder(weights: Weights, latents: Tensor) -> Tensor:
    count = latents.shape[2] * latents.shape[3]
    mean = latents.sum((2, 3)) / count
    deviation = ((latents - mean[:, :, None, None]).square().sum((2, 3)) / (count - 1) + 1e-6).sqrt()
    x = blocks(weights, "middle", convolution(weights, "conv_in", latents))
    for level in range(LEVELS):
        scale, shift = (
            values @ weights[f"levels.{level}.norm.{name}.weight"].T + weights[f"levels.{level}.norm.{name}.bias"]
            for name, values in (("scale", deviation), ("shift", mean))
        )
        x = F.group_norm(x, GROUPS, eps=1e-6) * scale[..., None, None] + shift[..., None, None]
        x = blocks(weights, f"levels.{level}.blocks", x)
        if level < LEVELS - 1:
            wide = convolution(weights, f"upsamples.{level}.conv", x)
            fine = wide.new_empty(len(x), x.shape[1], 2 * x.shape[2], 2 * x.shape[3])
            for corner, quarter in enumerate(wide.chunk(4, dim=1)):
                fine[:, :, corner // 2 :: 2, corner % 2 :: 2] = quarter
            x = fine
    return ending(weights, x)


def test_encoder_is_the_released_one() -> None:
    encoder = build_encoder(CONFIG, 16)
    weights, images = random_weights(encoder), torch.randn(2, 3, 16, 16)
    found = encoder(images)
    assert found.shape == (2, 5, 4, 4)
    assert_equal(found, released_encoder(weights, images.double()))


def test_decoder_is_the_released_one() -> None:
    decoder = build_decoder(CONFIG)
    weights, latents = random_weights(decoder), torch.randn(2, 5, 4, 6)
    found = decoder(latents)
    assert found.shape == (2, 3, 16, 24)
    assert_equal(found, released_decoder(weights, latents.double()))
    assert decoder.last_layer is decoder.get_parameter("conv_out.2.weight")


def test_only_what_joins_levels_and_ends_has_biases() -> None:
    def biased(network: torch.nn.Module) -> set[str]:
        convolutions = {name: part for name, part in network.named_modules() if isinstance(part, torch.nn.Conv2d)}
        return {name for name, part in convolutions.items() if part.bias is not None}

    assert biased(build_encoder(CONFIG, 16)) == {"levels.2", "levels.4", "conv_out.2"}
    assert biased(build_decoder(CONFIG)) == {"conv_in", "upsamples.0.conv", "upsamples.1.conv", "conv_out.2"}


def test_phase_2_starts_as_phase_1_and_trains_its_attention() -> None:
    decoder = build_decoder(CONFIG)
    grown = build_decoder(CONFIG, DecoderAttentionConfig(block_sizes=(2, 4, 4), head_dim=8))
    grown.load_state_dict({**grown.state_dict(), **decoder.state_dict()})
    latents = torch.randn(2, 5, 4, 4)
    torch.testing.assert_close(grown(latents), decoder(latents), atol=0, rtol=0)
    grown(latents).square().sum().backward()
    assert all(grown.get_parameter(f"levels.{level}.tail.1.out.weight").grad.abs().sum() > 0 for level in range(LEVELS))


def test_a_single_position_is_refused() -> None:
    norm = AdaptiveGroupNorm(8, 5, 4)
    with pytest.raises(ValueError, match="latents of one position have no deviation"):
        norm(torch.randn(1, 8, 1, 1), torch.randn(1, 5, 1, 1))


def test_a_width_that_the_groups_do_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="10 must be a multiple of norm_groups 4"):
        OpenMagvit2Config(widths=(8, 10), norm_groups=4)
