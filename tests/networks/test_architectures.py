"""Parameter counts and shapes that the paper fixes."""

from pathlib import Path

import pytest
import torch

from configs.architecture import (
    AutoencoderConfig,
    DecoderAttentionConfig,
    PatchDiscriminatorConfig,
    StyleDiscriminatorConfig,
)
from networks.attention import DilatedAttention, RegionalAttention, attention_decoder
from networks.autoencoder import Decoder, Encoder
from networks.discriminators import build_discriminator
from pipeline.graph import Recipe
from stages.params import parameter_counts

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
TINY = AutoencoderConfig(widths=(8, 16), encoder_blocks=(1, 1), decoder_blocks=(1, 1), latent_dim=4, norm_groups=4)


def test_seqgan_has_the_papers_counts() -> None:
    """54.5 M and 57.9 M (Table 1 and section 6.1), 172 M and 305 M (Table 8), to the parameter."""
    counts = parameter_counts(Recipe(CONFIGS / "imagenet256" / "seqgan"))
    assert counts["tokenizer"]["total"] == 54_433_667
    assert counts["decoder"]["total"] == 57_856_899 and counts["decoder"]["attention"] == 3_423_232
    assert counts["ar_prior"]["total"] == 172_648_704 and counts["nar_prior"]["total"] == 172_650_240
    large = parameter_counts(Recipe(CONFIGS / "imagenet256" / "seqgan_large"))
    assert large["ar_prior"]["total"] == 305_695_744


def test_autoencoder_shapes() -> None:
    images = torch.randn(2, 3, 16, 16)
    latents = Encoder(TINY)(images)
    assert latents.shape == (2, 4, 8, 8)
    assert Decoder(TINY)(latents).shape == images.shape


def test_phase_2_starts_as_phase_1() -> None:
    decoder = Decoder(TINY)
    grown = attention_decoder(TINY, DecoderAttentionConfig(block_sizes=(2, 4), head_dim=8))
    state = grown.state_dict()
    grown.load_state_dict({**state, **decoder.state_dict()})
    latents = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(grown(latents), decoder(latents), atol=0, rtol=0)


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


def test_style_discriminator_is_stylegan2s() -> None:
    """24.00 M parameters at 256 px, multiplier 1."""
    with torch.device("meta"):
        network = build_discriminator(StyleDiscriminatorConfig())
    assert sum(p.numel() for p in network.parameters()) == 24_001_089


def test_patch_discriminator_gives_a_logit_a_patch() -> None:
    logits = build_discriminator(PatchDiscriminatorConfig(width=16, num_layers=3))(torch.randn(1, 3, 256, 256))
    assert logits.shape == (1, 1, 30, 30)  # VQGAN's 70 x 70 receptive field


def test_style_discriminator_names_the_resolution() -> None:
    network = build_discriminator(StyleDiscriminatorConfig(widths=(8, 8, 8)))
    assert network(torch.randn(4, 3, 16, 16)).shape == (4, 1)
    with pytest.raises(ValueError, match="widths are for 16 px, images have 32"):
        network(torch.randn(1, 3, 32, 32))
