"""``runtime.compile``: the networks that stages train are whole graphs. Codebooks have tests of their own."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from latents_support import DIT, SPACE, UNET

from smalti.codebooks import build_quantizer
from smalti.config.autoencoders import (
    DecoderAttentionConfig,
    FqganConfig,
    MaskgitConfig,
    OpenMagvit2Config,
    SeqganConfig,
    SeqganPooledConfig,
    VqganConfig,
)
from smalti.config.codebooks import FactorisedConfig, LearnedCodebookConfig, LearnedCosineConfig, QuantizerConfig
from smalti.config.discriminators import PatchDiscriminatorConfig, StyleDiscriminatorConfig
from smalti.config.prior_kinds import PRIOR_KINDS, TokenSpace
from smalti.config.priors import (
    ArPriorNetworkConfig,
    LlamaConfig,
    NarPriorNetworkConfig,
    SubTokenHeadConfig,
    TransformerConfig,
)
from smalti.discriminators import build_discriminator
from smalti.layers.recomputed import recompute_blocks
from smalti.tokenizers.autoencoders import build_decoder, build_encoder
from smalti.tokenizers.vq_tokenizer import VQTokenizer
from tests.compiled import check_compiles_once

SIDE = 16  # px
LEARNED: QuantizerConfig = LearnedCodebookConfig(num_codes=8)
BOOKS: QuantizerConfig = FactorisedConfig(book=LearnedCosineConfig(num_codes=8))
CONVOLUTIONS: dict[str, Any] = {"widths": (8, 8), "latent_dim": 4, "norm_groups": 4}
BLOCKS: dict[str, Any] = {"encoder_blocks": (1, 1), "decoder_blocks": (1, 1), **CONVOLUTIONS}
AUTOENCODERS: dict[str, tuple[Any, QuantizerConfig]] = {
    "seqgan": (SeqganConfig(**BLOCKS), LEARNED),
    "seqgan_pooled": (SeqganPooledConfig(**BLOCKS), LEARNED),
    "maskgit": (MaskgitConfig(**BLOCKS), LEARNED),
    "vqgan": (VqganConfig(num_blocks=1, attention_levels=(1,), bottleneck=8, **CONVOLUTIONS), LEARNED),
    "fqgan": (
        FqganConfig(num_blocks=1, attention_levels=(), adapter_layers=1, adapter_heads=2, **CONVOLUTIONS), BOOKS,
    ),
    "open_magvit2": (OpenMagvit2Config(num_blocks=1, **CONVOLUTIONS), LEARNED),
}  # fmt: skip
GPT = TransformerConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0.1)
LLAMA = LlamaConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0.1)
TOKEN_PRIORS: dict[str, tuple[str, Any, int]] = {
    "gpt": ("ar", ArPriorNetworkConfig(transformer=GPT), 1),
    "llama": ("ar", ArPriorNetworkConfig(transformer=LLAMA), 1),
    "far": ("ar", ArPriorNetworkConfig(transformer=LLAMA, head=SubTokenHeadConfig(kind="ar")), 2),
    "split": ("ar", ArPriorNetworkConfig(transformer=GPT, split=(1, 3)), 1),
    "nar": ("nar", NarPriorNetworkConfig(transformer=GPT), 2),
}


def images() -> torch.Tensor:
    return torch.rand(2, 3, SIDE, SIDE) * 2 - 1


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_tokenizers(name: str) -> None:
    config, codebook = AUTOENCODERS[name]
    quantizer = build_quantizer(codebook, config.latent_dim, None)
    network = VQTokenizer(build_encoder(config, SIDE), quantizer, build_decoder(config))

    def loss() -> torch.Tensor:
        output = network(images())
        return output.images.square().mean() + output.quantized.loss

    check_compiles_once([network], loss)


def test_phase_2_s_decoder() -> None:
    decoder = build_decoder(SeqganConfig(**BLOCKS), DecoderAttentionConfig(block_sizes=(4, 4), head_dim=4))
    check_compiles_once([decoder], lambda: decoder(torch.randn(2, 4, SIDE // 2, SIDE // 2)).square().mean())


@pytest.mark.parametrize(
    "config",
    [StyleDiscriminatorConfig(widths=(8, 8, 8), stddev_group=2), PatchDiscriminatorConfig(width=8, num_layers=2)],
    ids=["style", "patch"],
)
def test_discriminators(config: Any) -> None:
    network = build_discriminator(config)
    check_compiles_once([network], lambda: network(images()).mean())


@pytest.mark.parametrize("recompute", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("name", TOKEN_PRIORS)
def test_priors_over_tokens(name: str, recompute: bool) -> None:
    kind, config, books = TOKEN_PRIORS[name]
    prior = PRIOR_KINDS[kind].build(config, TokenSpace(num_books=books, num_codes=16, num_tokens=9, num_classes=3))
    torch.nn.init.normal_(next(prior.outputs.parameters()))
    if recompute:
        recompute_blocks(prior)
    check_compiles_once(
        prior.compiled_parts(), lambda: prior(torch.randint(16, (2, books, 9)), torch.tensor([0, 2])).square().mean()
    )


@pytest.mark.parametrize(("kind", "config"), [("dit", DIT), ("sit", replace(DIT)), ("ldm", UNET)])
def test_priors_over_latents(kind: str, config: Any) -> None:
    prior = PRIOR_KINDS[kind].build(config, SPACE)
    check_compiles_once(
        prior.compiled_parts(),
        lambda: prior(torch.randn(2, 3, 4, 4), torch.rand(2), torch.tensor([0, 2])).square().mean(),
    )
