"""IBQ's tokenizer (Shi et al. 2024), by the averaged weights where the checkpoint has them."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from smalti.config.codebooks import IndexPropagationConfig
from smalti.formats.checkpoint import Weights
from smalti.formats.imported import Asked, Format
from smalti.formats.taming_vqgan import taming_autoencoder, taming_networks


def convert(weights: Weights, asked: Asked) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    shape = taming_autoencoder(weights)
    codebook = weights.take("quantize.embedding.weight")
    normalised = bool(asked.number("l2_normalize", "whether rows and latents have length 1", default=0, least=0))
    path = ("model", "init_args", "ddconfig", "resolution")
    fields = {
        "autoencoder": shape,
        "quantizer": IndexPropagationConfig(num_codes=len(codebook), normalised=normalised),
        "image_size": asked.image_size(*path),
        "num_codes": len(codebook),
    }
    codebook = F.normalize(codebook, dim=1) if normalised else codebook
    return fields, {**taming_networks(weights, shape), "quantizer.codebook": codebook}


FORMAT = Format(
    name="ibq",
    title="IBQ's tokenizers of SEED-Voken",
    makes="tokenizer",
    marks=("encoder.down.0.block.0.conv1.weight", "encoder.mid.attn_1.q.weight", "quantize.embedding.weight"),
    convert=convert,
    averages="model_ema.",
    unused=("loss.*", "model_ema.*", "colorize"),
    asks={
        "image_size": "side of the images it was trained on, in pixels",
        "l2_normalize": "1 where its yaml says l2_normalize, else 0",
    },
)
