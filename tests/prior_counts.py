"""Counts of the papers' priors over tokens: written down, and by closed form."""

from layer_counts import BUILT, Network, linear, norm, transformer_layer


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


PRIORS = {
    "AR": Network(172_648_704, "SeQ-GAN Table 8 prints 172 M", gpt(1024, 768, 1000)),
    "NAR": Network(172_650_240, "SeQ-GAN Table 8 prints 172 M", gpt(1024, 768, 1000, masked=True)),
    "AR-L": Network(305_695_744, "SeQ-GAN Table 8 prints 305 M", gpt(1024, 1024, 1000)),
    "NAR-L": Network(305_697_792, "SeQ-GAN Table 8 prints 305 M", gpt(1024, 1024, 1000, masked=True)),
    "AR without classes": Network(171_880_704, "SeQ-GAN Table 3 prints 171 M", gpt(1024, 768, 0)),
    "NAR without classes": Network(171_882_240, "SeQ-GAN Table 3 prints 171 M", gpt(1024, 768, 0, masked=True)),
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
