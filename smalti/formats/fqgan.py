"""FQGAN's tokenizer of two or three books as released."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from smalti.config.autoencoders import FqganConfig
from smalti.config.codebooks import FactorisedConfig, LearnedCosineConfig
from smalti.formats.checkpoint import Weights
from smalti.formats.imported import Asked, Format
from smalti.formats.vqgan_names import LLAMAGEN, decoder, head, trunk, vqgan_shape

# What a branch is called in the names of its codebook and convolutions, and its adapter; in the order of the channels.
DUAL = {"vis": "visual_head", "sem": "semantic_head"}
TRIPLE = {"vis": "visual_head", "sem_mid": "semantic_head_mid", "sem_high": "semantic_head_high"}
BOOK_NAMES = {"vis": "visual", "sem": "semantic", "sem_mid": "semantic_mid", "sem_high": "semantic_high"}
HEADS = 8  # of an adapter: no tensor tells them


def adapter(weights: Weights, new: str, old: str) -> Iterator[tuple[str, Tensor]]:
    """Yields the transformer of one branch; its position table is a map here."""
    positions = weights.take(f"{old}.positional_embedding")
    side = math.isqrt(len(positions))
    yield f"{new}.positions", positions.T.unflatten(1, (side, side))[None]
    yield from weights.modules(f"{old}.", {f"{new}.norm_in": "ln_pre", f"{new}.norm_out": "ln_post"})
    for number in range(weights.count(f"{old}.transformer.", ".ln_1.weight")):
        block, theirs = f"{new}.blocks.{number}", f"{old}.transformer.{number}."
        names = {"norm1": "ln_1", "norm2": "ln_2", "attention.out": "attn.out_proj", "mlp.0": "mlp.c_fc",
                 "mlp.2": "mlp.c_proj"}  # fmt: skip
        yield from weights.modules(theirs, {f"{block}.{ours}": name for ours, name in names.items()})
        for kind in ("weight", "bias"):
            yield f"{block}.attention.query_key_value.{kind}", weights.take(f"{theirs}attn.in_proj_{kind}")


def convert(weights: Weights, asked: Asked) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    branches = DUAL if "quantize_sem.embedding.weight" in weights else TRIPLE
    share, bottleneck = weights.shape("quant_conv_vis.weight")[:2]
    shape = FqganConfig(
        **vqgan_shape(weights, LLAMAGEN),
        latent_dim=share * len(branches),
        bottleneck=bottleneck,
        num_branches=len(branches),
        adapter_layers=weights.count("encoder.visual_head.0.transformer.", ".ln_1.weight"),
        adapter_heads=HEADS,
    )
    state = dict([*trunk(weights, shape, LLAMAGEN), *decoder(weights, shape, LLAMAGEN)])
    for number, (suffix, name) in enumerate(branches.items()):
        new = f"encoder.branches.{number}"
        state |= dict([*adapter(weights, f"{new}.0", f"encoder.{name}.0"), *head(weights, f"{new}.1", f"_{suffix}")])
        codebook = F.normalize(weights.take(f"quantize_{suffix}.embedding.weight"), dim=1)
        state[f"quantizer.books.{number}.codebook"] = codebook
    side = state["encoder.branches.0.0.positions"].shape[-1]
    fields = {
        "autoencoder": shape,
        "quantizer": FactorisedConfig(
            names=tuple(BOOK_NAMES[suffix] for suffix in branches), book=LearnedCosineConfig(num_codes=len(codebook))
        ),
        "image_size": side * shape.factor,
        "num_codes": len(codebook),
    }
    return fields, state


FORMAT = Format(
    name="fqgan",
    title="FQGAN's tokenizer, dual and triple",
    makes="tokenizer",
    marks=("quantize_vis.embedding.weight", "encoder.visual_head.0.positional_embedding"),
    convert=convert,
    # Predictors of a teacher's features serve the training alone.
    unused=(
        "feat_pred_head.*",
        "mid_sem_feat_pred.*",
        "high_sem_feat_pred.*",
        *(f"quantize_{book}.codebook_used" for book in BOOK_NAMES),
    ),
)
