"""Every network of the papers' recipes, built on the meta device, has its count to the parameter.

Each count is written down here, with where it is from, and computed by a closed form of its own from the layers that
paper or released code name.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.graph import Recipe
from stages.commands.params import parameter_counts

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def linear(inputs: int, outputs: int, bias: bool = True) -> int:
    return outputs * (inputs + bias)


def conv(inputs: int, outputs: int, kernel: int = 3, bias: bool = True) -> int:
    return outputs * (inputs * kernel**2 + bias)


def norm(width: int) -> int:
    return 2 * width


def residual(inputs: int, outputs: int, bias: bool = True) -> int:
    """norm, conv, norm, conv; a 1 x 1 convolution of the input where the widths differ."""
    shortcut = conv(inputs, outputs, 1, bias) if inputs != outputs else 0
    return (
        norm(inputs) + conv(inputs, outputs, bias=bias) + norm(outputs) + conv(outputs, outputs, bias=bias) + shortcut
    )


def map_attention(width: int) -> int:
    return norm(width) + 4 * conv(width, width, 1)


def middle(width: int) -> int:
    return 2 * residual(width, width) + map_attention(width)


F16, F8, F32 = (128, 128, 256, 256, 512), (128, 256, 256, 512), (128, 128, 256, 256, 512, 512)


def vqgan_levels(widths: tuple[int, ...], blocks: int, attended: int | None) -> int:
    """Levels in the order of ``widths``, each with a convolution of the width before where the resolution changes."""
    total = 0
    for number, (before, width) in enumerate(pairwise((widths[0], *widths))):
        total += conv(before, before) if number else 0
        total += residual(before, width) + (blocks - 1) * residual(width, width)
        total += blocks * map_attention(width) if number == attended else 0
    return total


def vqgan_head(width: int, latent_dim: int) -> int:
    return norm(width) + conv(width, 256) + conv(256, latent_dim, 1)


def vqgan_trunk(widths: tuple[int, ...], attention: bool) -> int:
    """taming/modules/diffusionmodules/model.py: 2 blocks a level, attention at the coarsest, and in the middle."""
    last = len(widths) - 1
    return conv(3, widths[0]) + vqgan_levels(widths, 2, last if attention else None) + middle(widths[-1])


def vqgan_decoder(widths: tuple[int, ...], latent_dim: int, attention: bool = True) -> int:
    """3 blocks a level."""
    first, last = widths[-1], widths[0]
    start = conv(latent_dim, 256, 1) + conv(256, first) + middle(first)
    return start + vqgan_levels(widths[::-1], 3, 0 if attention else None) + norm(last) + conv(last, 3)


def vqgan(widths: tuple[int, ...], latent_dim: int, attention: bool = True) -> int:
    """Encoder and decoder without a codebook."""
    encoder = vqgan_trunk(widths, attention) + vqgan_head(widths[-1], latent_dim)
    return encoder + vqgan_decoder(widths, latent_dim, attention)


def transformer_layer(width: int, mlp: int) -> int:
    return 2 * norm(width) + 4 * linear(width, width) + linear(width, mlp) + linear(mlp, width)


def fqgan(widths: tuple[int, ...], books: int, predicted: tuple[int, ...]) -> int:
    """tokenizer/vq_model_dual.py and vq_model_triple.py: for each book an adapter of 6 layers and a head to 8 channels;
    for each predicted feature a head of 3 layers, of the feature's width."""
    top, tokens = widths[-1], (256 // 2 ** (len(widths) - 1)) ** 2
    adapter = tokens * top + 2 * norm(top) + 6 * transformer_layer(top, 4 * top)
    predictors = 0
    for width in predicted:
        predictors += linear(8, width) + linear(width, width) + (tokens + 2) * width + 2 * norm(width)
        predictors += 3 * transformer_layer(width, 4 * width)
    branches = books * (adapter + vqgan_head(top, 8) + 16_384 * 8)
    return vqgan_trunk(widths, True) + branches + vqgan_decoder(widths, 8 * books) + predictors


def seqgan(conv_blocks: int = 2, pairs: int = 0) -> int:
    """SeQ-GAN's Table 7: 2 blocks a level, 4 at 16 x 16, convolutions between levels that change the width, 1 x 1 ones
    at the latents; 1,024 codes of 256 channels. ``pairs`` of regional and dilated attention end each decoder level."""
    encoder, decoder = conv(3, 128) + norm(512) + conv(512, 256, 1), conv(256, 512, 1) + norm(128) + conv(128, 3)
    for width in F16:
        encoder += 2 * residual(width, width)
        decoder += conv_blocks * residual(width, width) + pairs * 2 * (norm(width) + 4 * linear(width, width))
    for width, coarser in pairwise(F16):
        encoder += conv(width, coarser)
        decoder += conv(coarser, width)
    return encoder + decoder + 2 * 2 * residual(512, 512) + 1024 * 256


def seqgan_pooled() -> int:
    """MaskGIT's layout with a true shortcut: average pooling, no bias in encoder and blocks."""
    encoder, decoder = conv(3, 128, bias=False), conv(256, 512)
    for before, width in pairwise((128, *F16)):
        encoder += residual(before, width, bias=False) + residual(width, width, bias=False)
    encoder += 2 * residual(512, 512, bias=False) + norm(512) + conv(512, 256, 1)
    for number, (before, width) in enumerate(pairwise((512, *F16[::-1]))):
        decoder += conv(before, before) if number else 0
        decoder += residual(before, width, bias=False) + residual(width, width, bias=False)
    decoder += 2 * residual(512, 512, bias=False) + norm(128) + conv(128, 3)
    return encoder + decoder + 1024 * 256


def open_magvit2_encoder(widths: tuple[int, ...], bits: int) -> int:
    """improved_model.py: 4 blocks without biases a level and in the middle, with them what halves the resolution."""
    total = conv(3, widths[0], bias=False)
    for number, (before, width) in enumerate(pairwise((widths[0], *widths))):
        total += conv(before, before) if number else 0
        total += residual(before, width, bias=False) + 3 * residual(width, width, bias=False)
    top = widths[-1]
    return total + 4 * residual(top, top, bias=False) + norm(top) + conv(top, bits, 1)


def open_magvit2_decoder(widths: tuple[int, ...], bits: int) -> int:
    """The same the other way round: a convolution to 4 times the width doubles the resolution, and two linear maps of
    the bits norm each level, of the width that comes in."""
    top = widths[-1]
    total = conv(bits, top) + 4 * residual(top, top, bias=False)
    for number, (before, width) in enumerate(pairwise((top, *widths[::-1]))):
        total += conv(before, 4 * before) if number else 0
        total += 2 * linear(bits, before)
        total += residual(before, width, bias=False) + 3 * residual(width, width, bias=False)
    return total + norm(widths[0]) + conv(widths[0], 3)


def open_magvit2(widths: tuple[int, ...]) -> int:
    return open_magvit2_encoder(widths, 18) + open_magvit2_decoder(widths, 18)


def open_magvit2_prior(blocks: int, width: int, mlp: int) -> int:
    """transformer/gpt.py: LlamaGen's blocks in body and head, rows in and out for 2^6 and 2^12 codes, summed."""
    block = 4 * width**2 + 3 * width * mlp + 2 * width
    return blocks * block + (1001 + 2 * (2**6 + 2**12)) * width + width


def gpt(codes: int, width: int, classes: int, masked: bool = False, tokens: int = 256) -> int:
    """24 layers; rows for classes and "no class" apart from the codes'; a masked one has a row for "masked", and a
    position for the class token. The output layer is untied, without bias."""
    rows = codes + masked + classes + 1
    return (rows + tokens + masked + codes) * width + 24 * transformer_layer(width, 4 * width) + norm(width)


def llama(books: int, blocks: int, width: int, mlp: int, concat: bool, codes: int = 16_384) -> int:
    """autoregressive/models/gpt.py of LlamaGen, far_dual.py and far_triple.py of FQGAN: 1,001 rows of classes, rows in
    and out for each book, blocks of backbone and head without bias, one norm in front of the output layers."""
    block = 4 * width**2 + 3 * width * mlp + 2 * width
    joined = linear(books * width, width) if concat else 0
    return blocks * block + (1001 + 2 * books * codes) * width + width + joined


def mlp_heads(width: int) -> int:
    return 2 * (linear(width, 4 * width) + linear(4 * width, width))


def patch_discriminator(layers: int) -> int:
    """taming/modules/discriminator/model.py: 4 x 4 convolutions, without a bias in front of a norm."""
    widths = [64 * 2**number for number in range(layers + 1)]
    between = sum(conv(before, width, 4, bias=False) + norm(width) for before, width in pairwise(widths))
    return conv(3, 64, 4) + between + conv(widths[-1], 1, 4)


def style_discriminator() -> int:
    """rosinality/stylegan2-pytorch at 256 px, multiplier 1: each block two 3 x 3 convolutions, and a 1 x 1 one without
    bias beside them; the deviation of the batch is one more channel at 4 x 4."""
    widths = (64, 128, 256, 512, 512, 512, 512)
    total = conv(3, widths[0], 1)
    for before, width in pairwise(widths):
        total += conv(before, before) + conv(before, width) + conv(before, width, 1, bias=False)
    return total + conv(513, 512) + linear(512 * 4 * 4, 512) + linear(512, 1)


@dataclass(frozen=True)
class Network:
    """A network's parameters, where the number is from, and the same by closed form."""

    count: int
    source: str
    closed_form: int


BUILT = "released code, built on the meta device"
NETWORKS = {
    "SeQ-GAN": Network(54_547_203, "SeQ-GAN section 6.1 prints 54.5 M", seqgan()),
    "SeQ-GAN with attention": Network(57_970_435, "SeQ-GAN section 6.1 prints 57.9 M", seqgan(pairs=1)),
    "SeQ-GAN, Conv x 2": Network(69_897_987, "SeQ-GAN Table 1 prints 70.0 M", seqgan(conv_blocks=4)),
    "SeQ-GAN, Attention x 2": Network(61_393_667, "SeQ-GAN Table 1 prints 61.4 M", seqgan(pairs=2)),
    "SeQ-GAN, pooled": Network(54_433_667, "MaskGIT's layout, 54.516 M, with a true shortcut", seqgan_pooled()),
    "AR": Network(172_648_704, "SeQ-GAN Table 8 prints 172 M", gpt(1024, 768, 1000)),
    "NAR": Network(172_650_240, "SeQ-GAN Table 8 prints 172 M", gpt(1024, 768, 1000, masked=True)),
    "AR-L": Network(305_695_744, "SeQ-GAN Table 8 prints 305 M", gpt(1024, 1024, 1000)),
    "NAR-L": Network(305_697_792, "SeQ-GAN Table 8 prints 305 M", gpt(1024, 1024, 1000, masked=True)),
    "AR without classes": Network(171_880_704, "SeQ-GAN Table 3 prints 171 M", gpt(1024, 768, 0)),
    "NAR without classes": Network(171_882_240, "SeQ-GAN Table 3 prints 171 M", gpt(1024, 768, 0, masked=True)),
    "StyleGAN2": Network(24_001_089, f"rosinality/stylegan2-pytorch model.py, {BUILT}", style_discriminator()),
    "PatchGAN": Network(2_765_633, "taming/modules/discriminator/model.py, n_layers 3", patch_discriminator(3)),
    "PatchGAN, 2 layers": Network(663_361, "VQGAN-LC's models_vq.py, n_layers 2", patch_discriminator(2)),
    "VQGAN, 1,024 codes": Network(
        72_141_699, f"CompVis/taming-transformers vqgan.py, {BUILT}; SeQ-GAN Table 3 prints 72.1 M",
        vqgan(F16, 256) + 1024 * 256,
    ),
    "VQGAN": Network(76_073_859, f"CompVis/taming-transformers vqgan.py, {BUILT}", vqgan(F16, 256) + 16_384 * 256),
    "VQGAN-EMA": Network(71_879_555, "the same, its rows being no parameters", vqgan(F16, 256)),
    "VQGAN-FC, LlamaGen VQ-16": Network(
        71_883_403, f"FoundationVision/LlamaGen vq_model.py, {BUILT}; FQGAN prints 71.9 M", vqgan(F16, 8) + 16_384 * 8
    ),
    "LlamaGen VQ-8": Network(70_109_835, "LlamaGen vq_model.py: 70.11 M", vqgan(F8, 8) + 16_384 * 8),
    "VQGAN-LC": Network(
        71_758_483, "VQGAN-FC with a projector of 768 x 8 weights and 8 biases for its book", vqgan(F16, 8) + 6152
    ),
    "VQGAN-LC, f 8": Network(
        64_726_675, f"zh460045050/VQGAN-LC vq-f8.yaml, {BUILT}: 64,720,523, and the projector",
        vqgan(F8, 8, attention=False) + 6152,
    ),
    "RQ-VAE": Network(100_207_491, "VQGAN of 6 levels; the book's averages aren't parameters", vqgan(F32, 256)),
    "FQGAN-Dual": Network(150_410_131, f"showlab/FQGAN vq_model_dual.py, {BUILT}", fqgan(F16, 2, (1024,))),
    "FQGAN-Triple": Network(159_295_515, "FQGAN's vq_model_triple.py: 159.30 M", fqgan(F16, 3, (384, 768))),
    "FQGAN-Dual, f 8": Network(150_209_427, "FQGAN's vq_model_dual.py: 150.2 M", fqgan(F8, 2, (1024,))),
    "FQGAN-Triple, f 8": Network(159_586_331, "FQGAN's vq_model_triple.py: 159.6 M", fqgan(F8, 3, (384, 768))),
    "GPT, 1,024 codes": Network(305_695_744, "VQGAN-LC section 4.1, as AR-L", gpt(1024, 1024, 1000)),
    "GPT, 16,384 codes": Network(
        337_153_024, "VQGAN-LC's mingpt.py: 338.2 M, with 1,000 class rows in the head", gpt(16_384, 1024, 1000)
    ),
    "GPT, 100,000 codes": Network(
        508_398_592, "VQGAN-LC's mingpt.py: 509.4 M, with 1,000 class rows in the head", gpt(100_000, 1024, 1000)
    ),
    "GPT, 100,000 codes, 1,024 positions": Network(
        509_185_024, "the same with more positions", gpt(100_000, 1024, 1000, tokens=1024)
    ),
    "GPT, 16,384 codes, without classes": Network(336_129_024, "1,000 rows less", gpt(16_384, 1024, 0)),
    "GPT, 100,000 codes, without classes": Network(507_374_592, "1,000 rows less", gpt(100_000, 1024, 0)),
    "RQ-VAE's prior": Network(
        494_962_688, "ours: llama blocks, 24 and 4", llama(4, 28, 1024, 2816, concat=False)
    ),
    "LlamaGen-L": Network(342_910_976, "LlamaGen's README prints 343 M", llama(1, 24, 1024, 2816, concat=False)),
    "LlamaGen-XL": Network(774_699_520, "LlamaGen's README prints 775 M", llama(1, 36, 1280, 3584, concat=False)),
    "FAR-Base": Network(
        417_104_896, f"showlab/FQGAN far_dual.py, {BUILT}", llama(2, 27, 1024, 2816, concat=True)
    ),
    "FAR-Base, summed": Network(415_006_720, "FQGAN Table 2 prints 415 M", llama(2, 27, 1024, 2816, concat=False)),
    "FAR-Base, triple": Network(451_707_904, "FQGAN's far_triple.py: 451.7 M", llama(3, 27, 1024, 2816, concat=True)),
    "FAR-Large": Network(901_195_520, "FQGAN's far_dual.py: 901.2 M", llama(2, 40, 1280, 3584, concat=True)),
    "FAR-Large, summed": Network(897_917_440, "FQGAN Table 2 prints 898 M", llama(2, 40, 1280, 3584, concat=False)),
    "Open-MAGVIT2": Network(
        115_127_829, "Open-MAGVIT2's improved_model.py, layer by layer: 49.75 M and 65.38 M", open_magvit2(F16)
    ),
    "Open-MAGVIT2, f 8": Network(
        112_021_653, "the same with ch_mult 1, 2, 2, 4, as imagenet_lfqgan_128_L.yaml", open_magvit2(F8)
    ),
    "Open-MAGVIT2-B": Network(
        343_570_432, "FQGAN Table 2 prints 343 M; imagenet_conditional_llama_B.yaml", open_magvit2_prior(26, 1024, 2816)
    ),
    "Open-MAGVIT2-L": Network(
        804_362_240, "FQGAN Table 2 prints 804 M; imagenet_conditional_llama_L.yaml", open_magvit2_prior(39, 1280, 3584)
    ),
    "FAR-Large, linear heads": Network(819_920_640, "no head's blocks", llama(2, 36, 1280, 3584, concat=True)),
    "FAR-Large, MLP heads": Network(
        846_147_840, "an MLP of 4 times the width a book, ours", llama(2, 36, 1280, 3584, concat=True) + mlp_heads(1280)
    ),
}  # fmt: skip

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
    beside = {"VQGAN, 1,024 codes", "GPT, 1,024 codes", "FAR-Base, summed", "FAR-Large, summed", "SeQ-GAN, pooled"}
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
