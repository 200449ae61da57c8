"""The transformer of taming-transformers: of classes, or without a condition (Esser et al. 2021)."""

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
    rows = weights.tensors["transformer.tok_emb.weight"].float()
    num_classes = asked.number("num_classes", "how many classes it knows (0: none)", least=0)
    if max(num_classes, tokenizer.num_codes) > len(rows):
        raise ValueError(
            f"{weights.file}: {len(rows)} rows for codes and classes alike; {tokenizer.num_codes} codes and "
            f"{num_classes} classes don't fit"
        )
    # Class c and code c share a row. There is none for "no class": the last one here is never asked for, since label
    # dropout is 0. Without classes the only row is the start's, that of code 0.
    class_rows = torch.cat([rows[:num_classes], torch.zeros_like(rows[:1])]) if num_classes else rows[:1]
    fields = {
        "prior": "ar", "network": network, "label_dropout": 0.0, "settings": {},
        **token_space(tokenizer, num_classes),
    }  # fmt: skip
    return fields, gpt_state(weights, tokenizer, class_rows.clone())


FORMAT = Format(
    name="taming-gpt",
    title="the transformer of taming-transformers, of classes or unconditional, in a Lightning checkpoint",
    makes="prior",
    marks=("transformer.tok_emb.weight", "transformer.blocks.0.attn.key.weight", "transformer.ln_f.weight"),
    convert=convert,
    unused=("first_stage_model.*", "cond_stage_model.*", "transformer.blocks.*.attn.mask"),
    asks={
        "num_heads": "attention heads of a block, where the yaml beside it isn't given",
        "num_classes": "classes that it knows; 0 for none",
    },
)
