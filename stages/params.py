"""``python -m pipeline params``: parameter counts of each network of a recipe, built on the meta device."""

import argparse
import json
import sys
from pathlib import Path

import torch
from torch import nn

from networks.attention import attention_decoder
from networks.discriminators import build_discriminator
from networks.features import feature_width
from networks.priors.causal import CausalPrior
from networks.priors.masked import MaskedPrior
from networks.quantizers import Quantizer, build_quantizer
from networks.tokenizer import PredictingTokenizer
from pipeline.graph import Recipe
from stages.tokenizer import training_tokenizer


def count(network: nn.Module) -> int:
    """Returns the number of parameters of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def centres_of(recipe: Recipe) -> torch.Tensor | None:
    """Returns centres (K, C) on the meta device, as stage codebook would publish them."""
    reference = recipe.nodes["tokenizer"].inputs.get("codebook")
    if reference is None:
        return None
    folder, _, stage = reference.rpartition(":")  # "codebook", or another recipe's: "../folder:codebook"
    config = (Recipe(recipe.folder / folder) if folder else recipe).nodes[stage].config
    return torch.zeros(config.num_codes, feature_width(config.features, config.tap))


def quantizer_of(recipe: Recipe) -> Quantizer:
    """Returns the quantiser that a recipe's tokenizer trains, on the meta device."""
    config = recipe.nodes["tokenizer"].config
    with torch.device("meta"):
        return build_quantizer(config.quantizer, config.autoencoder.latent_dim, centres_of(recipe))


def parameter_counts(recipe: Recipe) -> dict[str, dict[str, int]]:
    """Returns {stage: {part: parameters}}; discriminators and perceptual networks stand apart from the totals."""
    nodes, counts = recipe.nodes, {}
    if "tokenizer" not in nodes:
        return {}
    config, data = nodes["tokenizer"].config, nodes["data"].config
    autoencoder = config.autoencoder
    num_tokens = (data.image_size // autoencoder.factor) ** 2
    num_classes = data.num_classes or 0
    with torch.device("meta"):
        quantizer = quantizer_of(recipe)
        tokenizer = training_tokenizer(config, data.image_size, quantizer)
        heads = count(tokenizer.predictors) if isinstance(tokenizer, PredictingTokenizer) else 0
        counts["tokenizer"] = {
            "encoder": count(tokenizer.encoder), "decoder": count(tokenizer.decoder), "codebook": count(quantizer),
            **({"predictors": heads, "inference": count(tokenizer) - heads} if heads else {}),
            "total": count(tokenizer), "discriminator": count(build_discriminator(config.discriminator)),
        }  # fmt: skip
        if "decoder" in nodes:
            grown = attention_decoder(autoencoder, nodes["decoder"].config.attention)
            added = count(grown) - count(tokenizer.decoder)
            counts["decoder"] = {"decoder": count(grown), "attention": added, "total": count(tokenizer) + added}
        for stage, network in (("ar_prior", CausalPrior), ("nar_prior", MaskedPrior)):
            if stage in nodes:
                prior = network(
                    nodes[stage].config.network, quantizer.num_books, quantizer.num_codes, num_tokens, num_classes
                )
                counts[stage] = {"total": count(prior)}
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline params")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--runs")  # every command takes it
    words = parser.parse_args()
    try:
        counts = parameter_counts(Recipe(words.recipe, words.set))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if words.json:
        print(json.dumps(counts, indent=1))
        return 0
    for stage, parts in counts.items():
        for part, number in parts.items():
            print(f"{stage:14}{part:16}{number:>14,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
