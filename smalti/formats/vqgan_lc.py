"""VQGAN-LC's tokenizer as released: VQGAN's networks, frozen centres behind a projector."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from smalti.config.codebooks import LearnedCodebookConfig, ProjectedL2Config, ProjectorConfig
from smalti.config.quantizer import NearestCodeConfig
from smalti.formats.checkpoint import Weights
from smalti.formats.imported import Asked, Format
from smalti.formats.taming_vqgan import RESOLUTION, taming_autoencoder, taming_networks

CLIP_WIDTH = 768  # with so many channels of latents the released code normalises them, which no kind here does


def projected(weights: Weights) -> tuple[NearestCodeConfig, Tensor]:
    """Returns the codebook's kind, and the centres behind its projector: linear, an MLP, or none (VQGAN-FC)."""
    rows = weights.take("tok_embeddings.weight")
    if "codebook_projection.weight" in weights:
        weight, bias = (weights.take(f"codebook_projection.{kind}") for kind in ("weight", "bias"))
        return ProjectedL2Config(), F.linear(rows, weight, bias)
    if "codebook_projection.2.weight" in weights:
        for layer in (0, 2):
            weight, bias = (weights.take(f"codebook_projection.{layer}.{kind}") for kind in ("weight", "bias"))
            rows = F.linear(rows if layer == 0 else rows.relu(), weight, bias)
        return ProjectedL2Config(projector=ProjectorConfig(kind="mlp")), rows
    return LearnedCodebookConfig(
        num_codes=len(rows), commitment_weight=1.0, codebook_weight=0.33, entropy_weight=0.0
    ), rows


def convert(weights: Weights, asked: Asked) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    shape = taming_autoencoder(weights)
    if shape.latent_dim == CLIP_WIDTH:
        raise ValueError(
            f"{weights.file}: latents of {CLIP_WIDTH} channels, which the released code normalises; not imported"
        )
    quantizer, codebook = projected(weights)
    fields = {
        "autoencoder": shape,
        "quantizer": quantizer,
        "image_size": asked.image_size(*RESOLUTION),
        "num_codes": len(codebook),
    }
    return fields, {**taming_networks(weights, shape), "quantizer.codebook": codebook}


FORMAT = Format(
    name="vqgan-lc",
    title="VQGAN-LC's tokenizer, f = 16 and f = 8, alone or inside the checkpoint of its GPT",
    makes="tokenizer",
    marks=("encoder.down.0.block.0.conv1.weight", "tok_embeddings.weight", "quant_conv.weight"),
    convert=convert,
    unused=("discriminator.*", "perceptual_loss.*", "cluster_size", "embed_avg", "colorize"),
    asks={"image_size": "side of the images it was trained on, in pixels (released: 256)"},
    inside="vqgan.",
)
