"""Shapes that the paper fixes, and what joins what."""

import pytest
import torch
from torch.nn import functional

from smalti.config.autoencoders import (
    DecoderAttentionConfig,
    FqganConfig,
    SeqganConfig,
    SeqganPooledConfig,
    VqganConfig,
)
from smalti.config.discriminators import PatchDiscriminatorConfig
from smalti.discriminators import build_discriminator
from smalti.tokenizers.attention import DilatedAttention, RegionalAttention
from smalti.tokenizers.autoencoders import build_decoder, build_encoder

TINY = [
    kind(widths=(8, 16), encoder_blocks=(1, 2), decoder_blocks=(2, 1), latent_dim=4, norm_groups=4)
    for kind in (SeqganConfig, SeqganPooledConfig)
]


TINY_VQGAN = VqganConfig(widths=(8, 16), num_blocks=1, attention_levels=(1,), bottleneck=8, latent_dim=4, norm_groups=4)
TINY_FQGAN = FqganConfig(
    widths=(8, 16), num_blocks=1, attention_levels=(), bottleneck=8, latent_dim=6, norm_groups=4, num_branches=3,
    adapter_layers=1, adapter_heads=2,
)  # fmt: skip


@pytest.mark.parametrize("config", [TINY_VQGAN, TINY_FQGAN])
def test_vqgan_and_fqgan_shapes(config: VqganConfig | FqganConfig) -> None:
    encoder, decoder = build_encoder(config, 16), build_decoder(config)
    for size in (16, 24):  # FQGAN's position table is interpolated to other grids
        latents = encoder(torch.randn(2, 3, size, size))
        assert latents.shape == (2, config.latent_dim, size // 2, size // 2)
        assert decoder(latents).shape == (2, 3, size, size)


def test_branches_share_the_trunk_alone() -> None:
    """The last channels come from the last branch: a change of its weights leaves the others'."""
    encoder = build_encoder(TINY_FQGAN, 16)
    images = torch.randn(1, 3, 16, 16)
    before = encoder(images)
    with torch.no_grad():
        for parameter in encoder.get_submodule("branches.2").parameters():
            parameter.mul_(0.5)
    moved = (encoder(images) - before).abs().amax((0, 2, 3)) > 0
    assert moved.tolist() == [False] * 4 + [True] * 2


def test_phase_2_of_vqgan_starts_as_phase_1() -> None:
    decoder = build_decoder(TINY_VQGAN)
    grown = build_decoder(TINY_VQGAN, DecoderAttentionConfig(block_sizes=(2, 4), head_dim=8))
    grown.load_state_dict({**grown.state_dict(), **decoder.state_dict()})
    latents = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(grown(latents), decoder(latents), atol=0, rtol=0)


@pytest.mark.parametrize("config", TINY)
def test_autoencoder_shapes(config: SeqganConfig | SeqganPooledConfig) -> None:
    images = torch.randn(2, 3, 16, 16)
    latents = build_encoder(config, 16)(images)
    assert latents.shape == (2, 4, 8, 8)
    assert build_decoder(config)(latents).shape == images.shape


@pytest.mark.parametrize("config", TINY)
def test_phase_2_starts_as_phase_1(config: SeqganConfig | SeqganPooledConfig) -> None:
    decoder = build_decoder(config)
    grown = build_decoder(config, DecoderAttentionConfig(block_sizes=(2, 4), head_dim=8))
    state = grown.state_dict()
    grown.load_state_dict({**state, **decoder.state_dict()})
    latents = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(grown(latents), decoder(latents), atol=0, rtol=0)


def test_seqgan_computes_what_its_table_7_prints() -> None:
    """Encoder and decoder again, layer after layer, from the weights' names alone."""
    encoder, decoder = build_encoder(TINY[0], 16), build_decoder(TINY[0])

    def conv(weights: dict[str, torch.Tensor], name: str, x: torch.Tensor, **how: int) -> torch.Tensor:
        return functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], **how)

    def norm_swish(weights: dict[str, torch.Tensor], name: str, x: torch.Tensor) -> torch.Tensor:
        return functional.silu(functional.group_norm(x, 4, weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-6))

    def residual(weights: dict[str, torch.Tensor], name: str, x: torch.Tensor) -> torch.Tensor:
        y = conv(weights, f"{name}.conv1", norm_swish(weights, f"{name}.norm1", x), padding=1)
        return x + conv(weights, f"{name}.conv2", norm_swish(weights, f"{name}.norm2", y), padding=1)

    images, own = torch.randn(2, 3, 16, 16), encoder.state_dict()
    x = residual(own, "levels.0", conv(own, "conv_in", images, padding=1))
    x = conv(own, "levels.1.conv", functional.pad(x, (0, 1, 0, 1)), stride=2)  # "Downsample Block", to the next width
    x = residual(own, "levels.3", residual(own, "levels.2", x))
    x = conv(own, "conv_out.2", norm_swish(own, "conv_out.0", x))  # "GN-Swish-Conv"
    torch.testing.assert_close(encoder(images), x)

    own = decoder.state_dict()
    y = conv(own, "conv_in", x)
    y = residual(own, "levels.0.blocks.1", residual(own, "levels.0.blocks.0", y))
    y = y.repeat_interleave(2, 2).repeat_interleave(2, 3)
    y = residual(own, "levels.1.blocks.0", conv(own, "upsamples.0.conv", y, padding=1))  # "Upsample Block"
    y = conv(own, "conv_out.2", norm_swish(own, "conv_out.0", y), padding=1)
    torch.testing.assert_close(decoder(x), y)


@pytest.mark.parametrize("kind", [RegionalAttention, DilatedAttention])
def test_attention_joins_exactly_its_group(kind: type) -> None:
    """A change at one position reaches its region (regional) or the same offset of all regions (dilated)."""
    layer = kind(width=8, block=4, head_dim=4)
    torch.nn.init.normal_(layer.out.weight)
    x = torch.randn(1, 8, 8, 8)
    changed = x.clone()
    changed[0, 0, 1, 2] += 1.0
    moved = (layer(x) - layer(changed)).abs().amax(1)[0] > 0
    expected = torch.zeros(8, 8, dtype=torch.bool)
    if kind is RegionalAttention:
        expected[:4, :4] = True
    else:
        expected[1::4, 2::4] = True
    assert torch.equal(moved, expected)


def test_wrong_block_size_is_named() -> None:
    with pytest.raises(ValueError, match="block size 3 must divide the map of 8 x 8"):
        RegionalAttention(width=8, block=3, head_dim=4)(torch.randn(1, 8, 8, 8))


def test_patch_discriminator_gives_a_logit_a_patch() -> None:
    logits = build_discriminator(PatchDiscriminatorConfig(width=16, num_layers=3))(torch.randn(1, 3, 256, 256))
    assert logits.shape == (1, 1, 30, 30)  # VQGAN's 70 x 70 receptive field
