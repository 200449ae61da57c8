"""Parameter counts and shapes that the paper fixes."""

from pathlib import Path

import pytest
import torch

from pipeline.graph import Recipe
from smalti.config.autoencoders import DecoderAttentionConfig, FqganConfig, SeqganConfig, VqganConfig
from smalti.config.discriminators import PatchDiscriminatorConfig
from smalti.discriminators import build_discriminator
from smalti.tokenizers.attention import DilatedAttention, RegionalAttention
from smalti.tokenizers.autoencoders import build_decoder, build_encoder
from smalti.tokenizers.seqgan import Decoder, Encoder
from stages.commands.params import parameter_counts

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
TINY = SeqganConfig(widths=(8, 16), encoder_blocks=(1, 1), decoder_blocks=(1, 1), latent_dim=4, norm_groups=4)


def test_seqgan_has_the_papers_counts() -> None:
    """54.5 M and 57.9 M (Table 1 and section 6.1), 172 M and 305 M (Table 8), to the parameter."""
    counts = parameter_counts(Recipe(CONFIGS / "imagenet256" / "seqgan"))
    assert counts["tokenizer"]["total"] == 54_433_667
    assert counts["decoder"]["total"] == 57_856_899 and counts["decoder"]["attention"] == 3_423_232
    assert counts["ar_prior"]["total"] == 172_648_704 and counts["nar_prior"]["total"] == 172_650_240
    large = parameter_counts(Recipe(CONFIGS / "imagenet256" / "seqgan_large"))
    assert large["ar_prior"]["total"] == 305_695_744


# Parameters in millions as the papers print them, or as the released networks have them: tokenizer, prior.
COUNTS = {
    "vqgan": (76.07, None),
    "vqgan_lc": (71.75, 508.4),  # 71.88 with a learned 16,384 x 8 book; here a projector of 6,152 weights
    "fqgan_dual": (150.41, 417.1),
    "fqgan_triple": (159.30, None),
    "fqgan_dual_f8": (150.21, None),
    "fqgan_triple_f8": (159.59, None),
}


@pytest.mark.parametrize("name", COUNTS)
def test_recipes_have_the_published_counts(name: str) -> None:
    tokenizer, prior = COUNTS[name]
    counts = parameter_counts(Recipe(CONFIGS / "imagenet256" / name))
    assert counts["tokenizer"]["total"] / 1e6 == pytest.approx(tokenizer, abs=0.01)
    if prior is not None:
        assert counts["ar_prior"]["total"] / 1e6 == pytest.approx(prior, abs=0.05)
    if name == "fqgan_dual":
        assert counts["tokenizer"]["inference"] / 1e6 == pytest.approx(111.3, abs=0.05)


LARGE = [
    "ar_prior.network.transformer={kind: llama, num_layers: 36, num_heads: 20, width: 1280, mlp_width: 3584}",
    "ar_prior.network.head={kind: ar, num_layers: 4}",
]


@pytest.mark.parametrize(
    ("recipe", "changes", "shape", "expected"),
    [
        ("fqgan_dual", [], (2, 27, 1024, 2816), 417_104_896),
        ("fqgan_triple", [], (3, 27, 1024, 2816), 451_707_904),
        ("fqgan_dual", LARGE, (2, 40, 1280, 3584), 901_195_520),
    ],
    ids=["FAR-Base", "FAR-Base, triple", "FAR-Large"],
)
def test_far_has_the_released_counts(
    recipe: str, changes: list[str], shape: tuple[int, int, int, int], expected: int
) -> None:
    """Blocks of backbone and head, 1,001 class rows, 16,384 rows in and out a book, the map of the concatenated
    embeddings, one norm. Without that map the duals have 415.0 M and 897.9 M, the paper's 415 M and 898 M."""
    books, blocks, width, mlp = shape
    counts = parameter_counts(Recipe(CONFIGS / "imagenet256" / recipe, changes))
    block, joining = 4 * width**2 + 3 * width * mlp + 2 * width, books * width**2 + width
    rest = blocks * block + (1001 + 2 * books * 16_384) * width + width
    assert counts["ar_prior"]["total"] == rest + joining == expected
    summed = parameter_counts(Recipe(CONFIGS / "imagenet256" / recipe, [*changes, "ar_prior.network.embedding=sum"]))
    assert summed["ar_prior"]["total"] == rest


def test_vqgan_has_its_count_at_1024_codes() -> None:
    """72.14 M (SeQ-GAN Table 3)."""
    counts = parameter_counts(Recipe(CONFIGS / "imagenet256" / "vqgan", ["tokenizer.quantizer.num_codes=1024"]))
    assert counts["tokenizer"]["total"] == 72_141_699


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


def test_autoencoder_shapes() -> None:
    images = torch.randn(2, 3, 16, 16)
    latents = Encoder(TINY)(images)
    assert latents.shape == (2, 4, 8, 8)
    assert Decoder(TINY)(latents).shape == images.shape


def test_phase_2_starts_as_phase_1() -> None:
    decoder = Decoder(TINY)
    grown = build_decoder(TINY, DecoderAttentionConfig(block_sizes=(2, 4), head_dim=8))
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


def test_patch_discriminator_gives_a_logit_a_patch() -> None:
    logits = build_discriminator(PatchDiscriminatorConfig(width=16, num_layers=3))(torch.randn(1, 3, 256, 256))
    assert logits.shape == (1, 1, 30, 30)  # VQGAN's 70 x 70 receptive field
