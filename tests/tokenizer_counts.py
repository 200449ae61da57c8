"""Counts of the papers' tokenizers and discriminators: written down, and by closed form."""

from itertools import pairwise

from layer_counts import BUILT, Network, conv, linear, map_attention, norm, residual, transformer_layer


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


def maskgit() -> int:
    """The same with MaskGIT's shortcuts, which read a block's output: width x width where they change it."""
    changed = [(before, width) for before, width in pairwise((128, *F16)) if before != width]
    squares = sum(width * width + before * before - 2 * before * width for before, width in changed)
    return seqgan_pooled() + squares


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


TOKENIZERS = {
    "SeQ-GAN": Network(54_547_203, "SeQ-GAN section 6.1 prints 54.5 M", seqgan()),
    "SeQ-GAN with attention": Network(57_970_435, "SeQ-GAN section 6.1 prints 57.9 M", seqgan(pairs=1)),
    "SeQ-GAN, Conv x 2": Network(69_897_987, "SeQ-GAN Table 1 prints 70.0 M", seqgan(conv_blocks=4)),
    "SeQ-GAN, Attention x 2": Network(61_393_667, "SeQ-GAN Table 1 prints 61.4 M", seqgan(pairs=2)),
    "SeQ-GAN, pooled": Network(54_433_667, "MaskGIT's layout, 54.516 M, with a true shortcut", seqgan_pooled()),
    "MaskGIT": Network(54_515_587, "open-muse's modeling_maskgit_vqgan.py: 54.516 M", maskgit()),
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
    "Open-MAGVIT2": Network(
        115_127_829, "Open-MAGVIT2's improved_model.py, layer by layer: 49.75 M and 65.38 M", open_magvit2(F16)
    ),
    "Open-MAGVIT2, f 8": Network(
        112_021_653, "the same with ch_mult 1, 2, 2, 4, as imagenet_lfqgan_128_L.yaml", open_magvit2(F8)
    ),
}  # fmt: skip
