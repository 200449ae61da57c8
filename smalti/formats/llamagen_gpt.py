"""LlamaGen's class-conditional GPT, B to 3B (Sun et al. 2024)."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from smalti.config.priors import ArPriorNetworkConfig
from smalti.formats.checkpoint import Weights
from smalti.formats.gpt_names import token_space
from smalti.formats.imported import Asked, Format
from smalti.formats.llama_names import llama_blocks, llama_shape
from smalti.tokenizer import Tokenizer


def convert(weights: Weights, asked: Asked, tokenizer: Tokenizer) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    classes = weights.take("cls_embedding.embedding_table.weight")
    fields = {
        "prior": "ar", "network": ArPriorNetworkConfig(transformer=llama_shape(weights, asked)), "label_dropout": 0.1,
        "settings": {"guidance": {"scale": [2.0]}}, **token_space(tokenizer, len(classes) - 1),
    }  # fmt: skip
    names = {"codes.tables.0": "tok_embeddings", "heads.norm": "norm", "outputs.layers.0": "output"}
    state = dict([*weights.modules("", names), *llama_blocks(weights, "transformer.blocks", "layers")])
    return fields, {**state, "classes.rows.weight": classes}


FORMAT = Format(
    name="llamagen-gpt",
    title="LlamaGen's GPT of classes, B to 3B",
    makes="prior",
    marks=("cls_embedding.embedding_table.weight", "tok_embeddings.weight", "layers.0.attention.wqkv.weight"),
    convert=convert,
    unused=("freqs_cis",),
    asks={"num_heads": "attention heads of a block, of a size that wasn't released"},
)
