"""Tokenizers as diffusers' VQModel: loaded by diffusers, tokens and pixels are the same."""

from pathlib import Path

import pytest
import torch
from diffusers import VQModel

from smalti import Tokenizer
from smalti.config.autoencoders import DecoderAttentionConfig, FqganConfig, SeqganConfig, VqganConfig
from smalti.config.codebooks import (
    FactorisedConfig,
    IndexPropagationConfig,
    LearnedCodebookConfig,
    LearnedCosineConfig,
    LookupFreeConfig,
    ProjectedCosineConfig,
)
from smalti.config.saved import Origin, SavedTokenizer
from smalti.exports.diffusers_vq import export_diffusers
from smalti.tokenizer import build_tokenizer

SHAPE = {"widths": (8, 16, 16), "num_blocks": 1, "norm_groups": 4, "bottleneck": 12, "latent_dim": 6}


def tokenizer_of(autoencoder: object, quantizer: object, attention: object = None) -> Tokenizer:
    """A tokenizer of random weights, whose codes are spread as its latents are."""
    saved = SavedTokenizer(
        autoencoder=autoencoder, quantizer=quantizer, attention=attention, image_size=32,  # type: ignore[arg-type]
        num_codes=8, tokens="t", origin=Origin(stage="tokenizer", key="k", digest="d"),
    )  # fmt: skip
    torch.manual_seed(3)
    network = build_tokenizer(saved)
    table = getattr(network.quantizer, "codebook", None)
    if table is not None:
        latents = network.encoder(torch.rand(1, 3, 32, 32) * 2 - 1).detach().movedim(1, -1).flatten(0, -2)
        table.copy_(latents[torch.randperm(len(latents))[:8]])
    return Tokenizer(network, saved)


@pytest.mark.parametrize("levels", [(), (2,), (1, 2)])
@pytest.mark.parametrize(
    "kind", [LearnedCodebookConfig(num_codes=8), LearnedCosineConfig(num_codes=8), ProjectedCosineConfig()]
)
def test_diffusers_loads_the_same_network(levels: tuple[int, ...], kind: object, tmp_path: Path) -> None:
    tokenizer = tokenizer_of(VqganConfig(**SHAPE, attention_levels=levels), kind)
    export_diffusers(tokenizer, tmp_path / "vq")
    model = VQModel.from_pretrained(tmp_path / "vq").eval()
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    tokens = tokenizer.encode(images)
    assert len(tokens.unique()) > 3
    with torch.no_grad():
        latents = model.encode(images).latents
        _, _, (_, _, found) = model.quantize(latents)
        pixels = model.decode(latents).sample
        again = model.decode(tokens, force_not_quantize=True, shape=(*tokens.shape, 6)).sample
    assert torch.equal(found.view_as(tokens), tokens)
    for other in (pixels, again):
        torch.testing.assert_close(tokenizer.decode(tokens), other.clamp(-1, 1), rtol=0, atol=1e-5)
    assert model.config.sample_size == 32 and model.config.scaling_factor == 1


SEQGAN = SeqganConfig(widths=(8, 8), encoder_blocks=(1, 1), decoder_blocks=(1, 1), latent_dim=6, norm_groups=4)
FQGAN = FqganConfig(
    widths=(8, 8), num_blocks=1, attention_levels=(), norm_groups=4, latent_dim=4, adapter_layers=1, adapter_heads=2
)
PLAIN = VqganConfig(**SHAPE, attention_levels=())
BITS = VqganConfig(**{**SHAPE, "latent_dim": 3}, attention_levels=())
LEARNED = LearnedCodebookConfig(num_codes=8)


@pytest.mark.parametrize(
    ("autoencoder", "quantizer", "attention", "expected"),
    [
        (SEQGAN, LEARNED, None, "autoencoder kind seqgan: "),
        (FQGAN, FactorisedConfig(book=LearnedCosineConfig(num_codes=8)), None, "autoencoder kind fqgan: "),
        (PLAIN, LEARNED, DecoderAttentionConfig(block_sizes=(4, 4, 4), head_dim=8), "a decoder with attention"),
        (BITS, LookupFreeConfig(num_codes=8), None, "codebook kind lookup_free: "),
        (PLAIN, IndexPropagationConfig(num_codes=8), None, "codebook kind index_propagation: "),
    ],
)
def test_other_networks_are_refused_by_name(
    autoencoder: object, quantizer: object, attention: object, expected: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError) as error:
        export_diffusers(tokenizer_of(autoencoder, quantizer, attention), tmp_path / "vq")
    assert str(error.value).startswith(expected) and not (tmp_path / "vq").exists()
