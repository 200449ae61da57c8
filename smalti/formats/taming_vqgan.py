"""VQGAN as taming-transformers releases it (Esser et al. 2021)."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from smalti.config.autoencoders import VqganConfig
from smalti.config.codebooks import LearnedCodebookConfig
from smalti.formats.checkpoint import Weights
from smalti.formats.imported import Asked, Format
from smalti.formats.vqgan_names import TAMING, decoder, head, trunk, vqgan_shape

RESOLUTION = ("model", "params", "ddconfig", "resolution")


def taming_autoencoder(weights: Weights) -> VqganConfig:
    """Returns the autoencoder that the shapes of the tensors tell."""
    latent_dim, bottleneck = weights.shape("quant_conv.weight")[:2]
    return VqganConfig(**vqgan_shape(weights, TAMING), latent_dim=latent_dim, bottleneck=bottleneck)


def taming_networks(weights: Weights, shape: VqganConfig) -> dict[str, Tensor]:
    """Returns the tensors of encoder and decoder."""
    return dict([*trunk(weights, shape, TAMING), *head(weights), *decoder(weights, shape, TAMING)])


def convert(weights: Weights, asked: Asked) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    shape = taming_autoencoder(weights)
    codebook = weights.take("quantize.embedding.weight")
    fields = {
        "autoencoder": shape,
        # Released with the weights of the two terms exchanged (legacy=True).
        "quantizer": LearnedCodebookConfig(
            num_codes=len(codebook), commitment_weight=1.0, codebook_weight=0.25, entropy_weight=0.0
        ),
        "image_size": asked.image_size(*RESOLUTION),
        "num_codes": len(codebook),
    }
    return fields, {**taming_networks(weights, shape), "quantizer.codebook": codebook}


FORMAT = Format(
    name="taming-vqgan",
    title="VQGAN of taming-transformers: a Lightning checkpoint, alone or inside that of its transformer",
    makes="tokenizer",
    marks=("encoder.down.0.block.0.conv1.weight", "encoder.mid.attn_1.q.weight", "quantize.embedding.weight"),
    convert=convert,
    unused=("loss.*", "colorize"),
    asks={"image_size": "side of the images it was trained on, in pixels"},
    inside="first_stage_model.",
)
