"""VQGAN-LC's GPT as released: classes have rows behind the codes', and an output that is never sampled."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from smalti.formats.checkpoint import Weights
from smalti.formats.gpt_names import gpt_network, gpt_state, token_space
from smalti.formats.imported import Asked, Format
from smalti.tokenizer import Tokenizer


def convert(weights: Weights, asked: Asked, tokenizer: Tokenizer) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    network = gpt_network(weights, asked)
    rows, codes = weights.tensors["transformer.tok_emb.weight"].float(), tokenizer.num_codes
    num_classes = len(rows) - codes
    if num_classes < 1:
        raise ValueError(
            f"{weights.file}: {len(rows)} rows, the tokenizer has {codes} codes; name the tokenizer that it was "
            "trained with"
        )
    # There is no row for "no class"; the last one here is never asked for, since label dropout is 0.
    class_rows = torch.cat([rows[codes:], torch.zeros_like(rows[:1])])
    fields = {
        "prior": "ar", "network": network, "label_dropout": 0.0, "settings": {"top_k_share": 0.1},
        **token_space(tokenizer, num_classes),
    }  # fmt: skip
    return fields, gpt_state(weights, tokenizer, class_rows)


FORMAT = Format(
    name="vqgan-lc-gpt",
    title="VQGAN-LC's GPT",
    makes="prior",
    marks=("transformer.tok_emb.weight", "transformer.blocks.0.attn.key.weight", "transformer.ln_f.weight"),
    convert=convert,
    unused=("vqgan.*", "transformer.blocks.*.attn.mask"),
    asks={"num_heads": "attention heads of a block (released: 16)"},
)
