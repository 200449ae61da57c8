"""The GPT of taming-transformers (mingpt) under this library's names; VQGAN-LC's GPT is the same."""

from typing import Any

import torch
from torch import Tensor

from smalti.config.priors import ArPriorNetworkConfig, TransformerConfig
from smalti.formats.checkpoint import Weights
from smalti.formats.imported import Asked
from smalti.formats.vqgan_names import Named
from smalti.tokenizer import Tokenizer

BLOCK = {"norm1": "ln1", "norm2": "ln2", "attention.out": "attn.proj", "mlp.0": "mlp.0", "mlp.2": "mlp.2"}


def gpt_network(weights: Weights, asked: Asked) -> ArPriorNetworkConfig:
    """Returns the shape that the tensors below ``transformer.`` tell; no tensor tells the heads."""
    width = weights.shape("transformer.tok_emb.weight")[1]
    heads = asked.number("num_heads", "the number of attention heads", "model", "params", "transformer_config",
                         "params", "n_head")  # fmt: skip
    return ArPriorNetworkConfig(
        transformer=TransformerConfig(
            num_layers=weights.count("transformer.blocks.", ".ln1.weight"), num_heads=heads, width=width,
            mlp_width=weights.shape("transformer.blocks.0.mlp.0.weight")[0], dropout=0.0,
        )
    )  # fmt: skip


def blocks(weights: Weights) -> Named:
    """Yields all transformer blocks; query, key and value are one linear layer here."""
    for number in range(weights.count("transformer.blocks.", ".ln1.weight")):
        new, old = f"transformer.blocks.{number}", f"transformer.blocks.{number}."
        yield from weights.modules(old, {f"{new}.{ours}": theirs for ours, theirs in BLOCK.items()})
        for kind in ("weight", "bias"):
            parts = [weights.take(f"{old}attn.{name}.{kind}") for name in ("query", "key", "value")]
            yield f"{new}.attention.query_key_value.{kind}", torch.cat(parts)


def gpt_state(weights: Weights, tokenizer: Tokenizer, class_rows: Tensor) -> dict[str, Tensor]:
    """Returns the network's tensors: rows and outputs of the codes alone, as many positions as the image has tokens,
    and the rows of the condition that are given."""
    codes, number = tokenizer.num_codes, tokenizer.grid[0] * tokenizer.grid[1]
    positions = weights.take("transformer.pos_emb")[0]
    if len(positions) < number:
        raise ValueError(
            f"{weights.file}: {len(positions)} positions, the tokenizer's images have {number} tokens; name the "
            "tokenizer that it was trained with"
        )
    return {
        "classes.rows.weight": class_rows,
        "codes.tables.0.weight": weights.take("transformer.tok_emb.weight")[:codes],
        "transformer.positions": positions[:number],
        "outputs.layers.0.weight": weights.take("transformer.head.weight")[:codes],
        **dict(weights.modules("transformer.", {"heads.norm": "ln_f"})),
        **dict(blocks(weights)),
    }


def token_space(tokenizer: Tokenizer, num_classes: int) -> dict[str, Any]:
    """Returns the space of a prior over the tokens of ``tokenizer``, and its classes, named by their numbers."""
    return {
        "space": {
            "num_books": tokenizer.num_books, "num_codes": tokenizer.num_codes,
            "num_tokens": tokenizer.grid[0] * tokenizer.grid[1], "num_classes": num_classes,
        },
        "class_names": [str(number) for number in range(num_classes)],
    }  # fmt: skip
