"""``python -m pipeline params``: parameter counts of each network of a recipe, built on the meta device."""

import argparse
import functools
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from configs.schema.codebook import CodebookConfig
from pipeline.commands import run_script
from pipeline.graph import Recipe
from smalti.artifact import Artifact
from smalti.codebooks import Quantizer, build_quantizer
from smalti.config.parsing import parse
from smalti.config.prior_kinds import PRIOR_STAGES, PriorKind, TokenSpace
from smalti.discriminators import build_discriminator
from smalti.features import feature_width
from smalti.priors import TokenPrior
from smalti.tokenizers.autoencoders import build_decoder
from smalti.tokenizers.vq_tokenizer import PredictingTokenizer, VQTokenizer
from stages.tokenizer import training_tokenizer


def count(network: nn.Module) -> int:
    """Returns the number of parameters of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def centres_of(recipe: Recipe) -> torch.Tensor | None:
    """Returns centres (K, C) on the meta device, as stage codebook would publish them."""
    reference = recipe.nodes["tokenizer"].inputs.get("codebook")
    if reference is None:
        return None
    folder, colon, stage = reference.rpartition(":")
    if colon:
        config = Recipe(Path(folder)).nodes[stage].config
    elif reference in recipe.nodes:
        config = recipe.nodes[reference].config
    else:
        artifact = Artifact(Path(reference))
        config = parse(CodebookConfig, artifact.config, f"{reference}/manifest.json", artifact.path)
    return torch.zeros(config.num_codes, feature_width(config.features, config.tap))


def not_counted(recipe: Recipe) -> str:
    """Returns a line on what can't be counted, since tokenizer or data are another recipe's; "" if nothing."""
    absent = [stage for stage in ("data", "tokenizer") if stage not in recipe.nodes]
    if not absent:
        return ""
    return f"{recipe.file}: not counted, since it has no stage {absent[0]} of its own: {', '.join(recipe.nodes)}"


def quantizer_of(recipe: Recipe) -> Quantizer:
    """Returns the quantiser that a recipe's tokenizer trains, on the meta device."""
    config = recipe.nodes["tokenizer"].config
    with torch.device("meta"):
        return build_quantizer(config.quantizer, config.autoencoder.latent_dim, centres_of(recipe))


@dataclass(frozen=True)
class Networks:
    """The networks that a recipe trains, on the meta device; ``priors`` by stage."""

    quantizer: Quantizer
    tokenizer: VQTokenizer
    priors: dict[str, TokenPrior]


@functools.cache  # rows of the papers' tables share their priors
def prior_of(kind: PriorKind, config: Any, space: TokenSpace) -> TokenPrior:
    """Returns a prior on the meta device."""
    with torch.device("meta"):
        prior: TokenPrior = kind.build(config, space)
        return prior


def networks_of(recipe: Recipe) -> Networks:
    """Returns what the stage tokenizer and the priors of a recipe train."""
    nodes = recipe.nodes
    config, data = nodes["tokenizer"].config, nodes["data"].config
    num_tokens = (data.image_size // config.autoencoder.factor) ** 2
    quantizer = quantizer_of(recipe)
    space = TokenSpace(
        num_books=quantizer.num_books,
        num_codes=quantizer.num_codes,
        num_tokens=num_tokens,
        num_classes=data.num_classes or 0,
    )
    with torch.device("meta"):
        tokenizer = training_tokenizer(config, data.image_size, quantizer)
    priors = {
        stage: prior_of(kind, nodes[stage].config.network, space)
        for stage, kind in PRIOR_STAGES.items()
        if stage in nodes
    }
    return Networks(quantizer, tokenizer, priors)


def parameter_counts(recipe: Recipe) -> dict[str, dict[str, int]]:
    """Returns {stage: {part: parameters}}; discriminators and perceptual networks stand apart from the totals."""
    nodes = recipe.nodes
    if not_counted(recipe):
        return {}
    config, networks = nodes["tokenizer"].config, networks_of(recipe)
    tokenizer, counts = networks.tokenizer, dict[str, dict[str, int]]()
    heads = count(tokenizer.predictors) if isinstance(tokenizer, PredictingTokenizer) else 0
    with torch.device("meta"):
        counts["tokenizer"] = {
            "encoder": count(tokenizer.encoder), "decoder": count(tokenizer.decoder),
            "codebook": count(networks.quantizer),
            **({"predictors": heads, "inference": count(tokenizer) - heads} if heads else {}),
            "total": count(tokenizer), "discriminator": count(build_discriminator(config.discriminator)),
        }  # fmt: skip
        if "decoder" in nodes:
            grown = build_decoder(config.autoencoder, nodes["decoder"].config.attention)
            added = count(grown) - count(tokenizer.decoder)
            counts["decoder"] = {"decoder": count(grown), "attention": added, "total": count(tokenizer) + added}
    return counts | {stage: {"total": count(prior)} for stage, prior in networks.priors.items()}


def main(options: argparse.Namespace) -> int:
    recipe = Recipe(options.recipe, options.set)
    counts = parameter_counts(recipe)
    if absent := not_counted(recipe):
        print(absent, file=sys.stderr)
    if options.json:
        print(json.dumps(counts, indent=1))
        return 0
    for stage, parts in counts.items():
        for part, number in parts.items():
            print(f"{stage:14}{part:16}{number:>14,}")
    return 0


if __name__ == "__main__":
    sys.exit(run_script("params", main))
