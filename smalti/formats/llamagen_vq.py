"""LlamaGen's tokenizer (Sun et al. 2024): VQGAN's networks, rows and latents of length 1."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from smalti.config.autoencoders import VqganConfig
from smalti.config.codebooks import LearnedCosineConfig
from smalti.formats.checkpoint import Weights
from smalti.formats.imported import Asked, Format
from smalti.formats.vqgan_names import LLAMAGEN, decoder, head, trunk, vqgan_shape


def convert(weights: Weights, asked: Asked) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    latent_dim, bottleneck = weights.shape("quant_conv.weight")[:2]
    shape = VqganConfig(**vqgan_shape(weights, LLAMAGEN), latent_dim=latent_dim, bottleneck=bottleneck)
    codebook = F.normalize(weights.take("quantize.embedding.weight"), dim=1)
    fields = {
        "autoencoder": shape,
        "quantizer": LearnedCosineConfig(num_codes=len(codebook)),
        "image_size": asked.image_size(),
        "num_codes": len(codebook),
    }
    state = dict([*trunk(weights, shape, LLAMAGEN), *head(weights), *decoder(weights, shape, LLAMAGEN)])
    return fields, {**state, "quantizer.codebook": codebook}


FORMAT = Format(
    name="llamagen-vq",
    title="LlamaGen's VQ-16 and VQ-8",
    makes="tokenizer",
    marks=("encoder.conv_blocks.0.res.0.conv1.weight", "quantize.embedding.weight", "quant_conv.weight"),
    convert=convert,
    unused=("quantize.codebook_used",),
    asks={"image_size": "side of the images it was trained on, in pixels (released: 256)"},
)
