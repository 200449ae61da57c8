"""Every network of the papers' recipes, built on the meta device, has its count to the parameter.

Each count is written down in ``tokenizer_counts`` and ``prior_counts``, with where it is from, and computed there by a
closed form of its own from the layers that paper or released code name.
"""

from pathlib import Path

import pytest
from prior_counts import PRIORS
from tokenizer_counts import F16, TOKENIZERS, open_magvit2_decoder, open_magvit2_encoder, seqgan

from pipeline.graph import Recipe
from stages.commands.params import parameter_counts

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
NETWORKS = TOKENIZERS | PRIORS

SEQGAN = {"tokenizer": "SeQ-GAN", "discriminator": "StyleGAN2", "decoder": "SeQ-GAN with attention"}
VQGAN_LC = {"tokenizer": "VQGAN-LC", "discriminator": "PatchGAN, 2 layers"}
SMALL_GPT = {"discriminator": "PatchGAN, 2 layers", "ar_prior": "GPT, 16,384 codes"}
FQGAN = {"discriminator": "PatchGAN", "ar_prior": "FAR-Base"}
WITHOUT = {"ar_prior": "AR without classes", "nar_prior": "NAR without classes"}
FFHQ = {"discriminator": "PatchGAN, 2 layers", "ar_prior": "GPT, 16,384 codes, without classes"}
RECIPES = {
    "imagenet256/seqgan": SEQGAN | {"ar_prior": "AR", "nar_prior": "NAR"},
    "imagenet256/seqgan_large": SEQGAN | {"ar_prior": "AR-L", "nar_prior": "NAR-L"},
    "imagenet256/vqgan_kmeans": {
        "tokenizer": "SeQ-GAN", "discriminator": "StyleGAN2", "ar_prior": "AR", "nar_prior": "NAR"
    },
    "ffhq256/seqgan": SEQGAN | WITHOUT,
    "lsun256/seqgan_bedroom": SEQGAN | WITHOUT,
    "lsun256/seqgan_cat": SEQGAN | WITHOUT,
    "lsun256/seqgan_church": SEQGAN | WITHOUT,
    "imagenet256/vqgan": SMALL_GPT | {"tokenizer": "VQGAN"},
    "imagenet256/vqgan_fc": SMALL_GPT | {"tokenizer": "VQGAN-FC, LlamaGen VQ-16"},
    "imagenet256/vqgan_ema": SMALL_GPT | {"tokenizer": "VQGAN-EMA"},
    "imagenet256/vqgan_lc": VQGAN_LC | {"ar_prior": "GPT, 100,000 codes"},
    "imagenet256/vqgan_lc_from_ffhq": VQGAN_LC | {"ar_prior": "GPT, 100,000 codes"},
    "imagenet256/vqgan_lc_f8": VQGAN_LC
    | {"tokenizer": "VQGAN-LC, f 8", "ar_prior": "GPT, 100,000 codes, 1,024 positions"},
    "ffhq256/vqgan_fc": FFHQ | {"tokenizer": "VQGAN-FC, LlamaGen VQ-16"},
    "ffhq256/vqgan_ema": FFHQ | {"tokenizer": "VQGAN-EMA"},
    "ffhq256/vqgan_lc": VQGAN_LC | {"ar_prior": "GPT, 100,000 codes, without classes"},
    "ffhq256/vqgan_lc_from_imagenet": VQGAN_LC | {"ar_prior": "GPT, 100,000 codes, without classes"},
    "imagenet256/rqvae": {
        "tokenizer": "RQ-VAE", "discriminator": "PatchGAN, 2 layers", "ar_prior": "RQ-VAE's prior"
    },
    "imagenet256/fqgan_dual": FQGAN | {"tokenizer": "FQGAN-Dual"},
    "imagenet256/fqgan_triple": FQGAN | {"tokenizer": "FQGAN-Triple", "ar_prior": "FAR-Base, triple"},
    "imagenet256/fqgan_dual_f8": FQGAN | {"tokenizer": "FQGAN-Dual, f 8"},
    "imagenet256/lfq": {"tokenizer": "Open-MAGVIT2", "discriminator": "PatchGAN", "ar_prior": "Open-MAGVIT2-B"},
    "imagenet256/fqgan_triple_f8": FQGAN | {"tokenizer": "FQGAN-Triple, f 8", "ar_prior": "FAR-Base, triple"},
}  # fmt: skip
# Rows of the tables whose networks are no recipe's own.
ABLATION = {"discriminator": "StyleGAN2", "ar_prior": "AR", "nar_prior": "NAR"}
LLAMAGEN = {"tokenizer": "VQGAN-FC, LlamaGen VQ-16", "discriminator": "PatchGAN"}
DUAL = {"tokenizer": "FQGAN-Dual", "discriminator": "PatchGAN"}
ROWS = {
    "SeQ-GAN/1/+ Conv x 2": ABLATION | {"tokenizer": "SeQ-GAN, Conv x 2"},
    "SeQ-GAN/1/+ Attention x 2": ABLATION | {"tokenizer": "SeQ-GAN, Attention x 2"},
    "FQGAN/1/LlamaGen, f 8": LLAMAGEN | {"tokenizer": "LlamaGen VQ-8", "ar_prior": "LlamaGen-L"},
    "FQGAN/2/LlamaGen-L": LLAMAGEN | {"ar_prior": "LlamaGen-L"},
    "FQGAN/2/LlamaGen-XL": LLAMAGEN | {"ar_prior": "LlamaGen-XL"},
    "FQGAN/1/Open-MAGVIT2, f 8": {
        "tokenizer": "Open-MAGVIT2, f 8",
        "discriminator": "PatchGAN",
        "ar_prior": "Open-MAGVIT2-B",
    },
    "FQGAN/2/Open-MAGVIT2-L": {"tokenizer": "Open-MAGVIT2", "discriminator": "PatchGAN", "ar_prior": "Open-MAGVIT2-L"},
    "FQGAN/2/FAR-Large": DUAL | {"ar_prior": "FAR-Large"},
    "FQGAN/4/k linear classifiers, top-k 4096": DUAL | {"ar_prior": "FAR-Large, linear heads"},
    "FQGAN/4/k MLP classifiers, top-k 4096": DUAL | {"ar_prior": "FAR-Large, MLP heads"},
}
SUMMED = "ar_prior.network.embedding=sum"


@pytest.mark.parametrize("name", NETWORKS)
def test_counts_are_those_of_the_closed_form(name: str) -> None:
    network = NETWORKS[name]
    assert network.count == network.closed_form, network.source


@pytest.mark.parametrize(
    ("place", "changes", "expected"),
    [
        *((CONFIGS / name, [], networks) for name, networks in RECIPES.items()),
        *((Path(f"row:{name}"), [], networks) for name, networks in ROWS.items()),
        (CONFIGS / "imagenet256/vqgan", ["tokenizer.quantizer.num_codes=1024"], {
            "tokenizer": "VQGAN, 1,024 codes", "discriminator": "PatchGAN, 2 layers", "ar_prior": "GPT, 1,024 codes"
        }),
        (Path("row:SeQ-GAN/1/VQ, baseline"), ["tokenizer.autoencoder.kind=seqgan_pooled"], ABLATION | {
            "tokenizer": "SeQ-GAN, pooled"
        }),
        (Path("row:SeQ-GAN/1/VQ, baseline"), ["tokenizer.autoencoder.kind=maskgit"], ABLATION | {
            "tokenizer": "MaskGIT"
        }),
        (CONFIGS / "imagenet256/fqgan_dual", [SUMMED], DUAL | {"ar_prior": "FAR-Base, summed"}),
        (Path("row:FQGAN/2/FAR-Large"), [SUMMED], DUAL | {"ar_prior": "FAR-Large, summed"}),
    ],
    ids=lambda value: str(value).removeprefix(str(CONFIGS)) if isinstance(value, Path) else "",
)  # fmt: skip
def test_networks_have_their_counts(place: Path, changes: list[str], expected: dict[str, str]) -> None:
    found = parameter_counts(Recipe(place, changes))
    counts = {stage: parts["total"] for stage, parts in found.items()}
    counts["discriminator"] = found["tokenizer"]["discriminator"]
    assert counts == {stage: NETWORKS[name].count for stage, name in expected.items()}


def test_every_recipe_of_the_papers_is_counted() -> None:
    found = {
        str(file.parent.relative_to(CONFIGS))
        for data in ("imagenet256", "ffhq256", "lsun256")
        for file in (CONFIGS / data).glob("*/pipeline.yaml")
        if not file.parent.name.endswith(("_classifier", "_latents"))  # counted beside this file
    }
    assert found == RECIPES.keys()
    used = {name for networks in (*RECIPES.values(), *ROWS.values()) for name in networks.values()}
    beside = {"VQGAN, 1,024 codes", "GPT, 1,024 codes", "FAR-Base, summed", "FAR-Large, summed"}
    beside |= {"SeQ-GAN, pooled", "MaskGIT"}
    assert used | beside == NETWORKS.keys()


def test_parts_that_the_papers_count_apart() -> None:
    """SeQ-GAN's attention, 2 layers of 4 c^2 a level (section 6.1: 57.9 - 54.5 M). FQGAN's heads leave with training:
    111.3 M stay. Open-MAGVIT2's encoder and decoder."""
    attention = parameter_counts(Recipe(CONFIGS / "imagenet256" / "seqgan"))["decoder"]["attention"]
    assert attention == 3_423_232 == seqgan(pairs=1) - seqgan()
    assert parameter_counts(Recipe(CONFIGS / "imagenet256" / "fqgan_dual"))["tokenizer"]["inference"] == 111_294_355
    lookup_free = parameter_counts(Recipe(CONFIGS / "imagenet256" / "lfq"))["tokenizer"]
    assert lookup_free["encoder"] == 49_751_442 == open_magvit2_encoder(F16, 18)
    assert lookup_free["decoder"] == 65_376_387 == open_magvit2_decoder(F16, 18)
