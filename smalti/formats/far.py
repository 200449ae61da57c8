"""FAR, FQGAN's prior, over two or three books."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from smalti.config.priors import ArPriorNetworkConfig, SubTokenHeadConfig
from smalti.formats.checkpoint import Weights
from smalti.formats.gpt_names import token_space
from smalti.formats.imported import Asked, Format
from smalti.formats.llama_names import llama_blocks, llama_shape
from smalti.tokenizer import Tokenizer


def convert(weights: Weights, asked: Asked, tokenizer: Tokenizer) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    classes, books = weights.take("cls_embedding.embedding_table.weight"), range(tokenizer.num_books)
    head = SubTokenHeadConfig(kind="ar", num_layers=weights.count("ar_head.", ".attention_norm.weight"))
    network = ArPriorNetworkConfig(transformer=llama_shape(weights, asked), embedding="concat", head=head)
    fields = {
        "prior": "ar", "network": network, "label_dropout": 0.1, "settings": {"guidance": {"scale": [2.0]}},
        **token_space(tokenizer, len(classes) - 1),
    }  # fmt: skip
    names = {"codes.aggregate": "aggregation_layer", "heads.norm": "norm"}
    names |= {f"codes.tables.{book}": f"tok_embeddings_{book + 1}" for book in books}
    names |= {f"outputs.layers.{book}": f"output_{book + 1}" for book in books}
    state = dict(weights.modules("", names))
    for new, old in (("transformer.blocks", "layers"), ("heads.blocks", "ar_head")):
        state |= dict(llama_blocks(weights, new, old))
    return fields, {**state, "classes.rows.weight": classes}


FORMAT = Format(
    name="far",
    title="FAR, FQGAN's prior, dual and triple",
    makes="prior",
    marks=("tok_embeddings_1.weight", "aggregation_layer.weight", "ar_head.0.attention.wqkv.weight"),
    convert=convert,
    unused=("freqs_cis",),
    asks={"num_heads": "attention heads of a block, of a size that wasn't released"},
)
