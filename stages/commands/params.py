"""``python -m pipeline params``: parameter counts of each network of a recipe, built on the meta device."""

import argparse
import functools
import json
import sys
from collections.abc import Collection
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
from smalti.config.latent_priors import LatentSpace
from smalti.config.names import load_name
from smalti.config.parsing import parse
from smalti.config.prior_kinds import PRIOR_STAGES, PriorKind, TokenSpace
from smalti.discriminators import build_discriminator
from smalti.features import feature_width
from smalti.tokenizers.autoencoders import build_decoder
from smalti.tokenizers.vq_tokenizer import PredictingTokenizer, VQTokenizer
from stages.tokenizer import training_tokenizer


def count(network: nn.Module) -> int:
    """Returns the number of parameters of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def centres_of(recipe: Recipe) -> torch.Tensor | None:
    """Returns zeros of the shape (K, C) that stage codebook publishes; None if the tokenizer takes no codebook."""
    reference = recipe.own["tokenizer"].inputs.get("codebook")
    if reference is None:
        return None
    folder, colon, stage = reference.rpartition(":")
    if colon:
        config = Recipe(Path(folder)).nodes[stage].config
    elif reference in recipe.own:
        config = recipe.own[reference].config
    else:
        artifact = Artifact(Path(reference))
        config = parse(CodebookConfig, artifact.config, f"{reference}/manifest.json", artifact.path)
    return torch.zeros(config.num_codes, feature_width(config.features, config.tap))


def not_counted(recipe: Recipe, counted: Collection[str]) -> str:
    """Returns a line that names the stages which can't be counted, "" if there are none: all of them where data or
    tokenizer are another recipe's, else the trainings that aren't among those ``counted``."""
    for needed in ("data", "tokenizer"):
        if needed not in recipe.own:
            stages = ", ".join(recipe.own)
            return f"{recipe.file}: not counted, since it has no stage {needed} of its own: {stages}"
    unknown = [stage for stage, node in recipe.own.items() if node.config.STAGE.trains and stage not in counted]
    return f"{recipe.file}: not counted, since their networks are unknown here: {', '.join(unknown)}" if unknown else ""


def quantizer_of(recipe: Recipe) -> Quantizer:
    """Returns the quantizer of a recipe's tokenizer, on the meta device."""
    config = recipe.own["tokenizer"].config
    with torch.device("meta"):
        return build_quantizer(config.quantizer, config.autoencoder.latent_dim, centres_of(recipe))


@dataclass(frozen=True)
class Networks:
    """The networks that a recipe trains, on the meta device; priors by stage. The classifier reads code vectors."""

    quantizer: Quantizer
    tokenizer: VQTokenizer
    priors: dict[str, nn.Module]
    classifier: nn.Module | None


@functools.cache  # the rows of a paper's table share their priors
def prior_of(kind: PriorKind, config: Any, space: TokenSpace | LatentSpace) -> nn.Module:
    """Returns a prior on the meta device."""
    with torch.device("meta"):
        prior: nn.Module = kind.build(config, space)
        return prior


@functools.cache
def classifier_of(config: Any, code_dim: int, side: int, num_classes: int) -> nn.Module:
    """Returns a classifier on the meta device, on a grid of ``side`` x ``side``."""
    with torch.device("meta"):
        network: nn.Module = load_name(config.network)(config, code_dim, (side, side), num_classes)
        return network


def networks_of(recipe: Recipe) -> Networks:
    """Returns the tokenizer, the priors and the classifier of a recipe."""
    nodes = recipe.own
    config, data = nodes["tokenizer"].config, nodes["data"].config
    side, num_classes = data.image_size // config.autoencoder.factor, data.num_classes or 0
    quantizer = quantizer_of(recipe)
    spaces = {
        "tokens": TokenSpace(
            num_books=quantizer.num_books, num_codes=quantizer.num_codes, num_tokens=side**2, num_classes=num_classes
        ),
        "latents": LatentSpace(num_channels=config.autoencoder.latent_dim, grid=(side, side), num_classes=num_classes),
    }
    with torch.device("meta"):
        tokenizer = training_tokenizer(config, data.image_size, quantizer)
    priors = {
        stage: prior_of(kind, nodes[stage].config.network, spaces[kind.trains_on])
        for stage, kind in PRIOR_STAGES.items()
        if stage in nodes
    }
    classifier = None
    if "classifier" in nodes:
        classifier = classifier_of(nodes["classifier"].config.network, quantizer.code_dim, side, num_classes)
    return Networks(quantizer, tokenizer, priors, classifier)


def parameter_counts(recipe: Recipe) -> dict[str, dict[str, int]]:
    """Returns {stage: {part: parameters}}. A total leaves out the discriminator and the frozen networks."""
    nodes = recipe.own
    if "tokenizer" not in nodes or "data" not in nodes:
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
            decoder = build_decoder(config.autoencoder, nodes["decoder"].config.attention)
            added = count(decoder) - count(tokenizer.decoder)
            counts["decoder"] = {"decoder": count(decoder), "attention": added, "total": count(tokenizer) + added}
    counts |= {stage: {"total": count(prior)} for stage, prior in networks.priors.items()}
    return counts | ({"classifier": {"total": count(networks.classifier)}} if networks.classifier else {})


def main(options: argparse.Namespace) -> int:
    recipe = Recipe(options.recipe, options.set)
    counts = parameter_counts(recipe)
    if line := not_counted(recipe, counts):
        print(line, file=sys.stderr)
    if options.json:
        print(json.dumps(counts, indent=1))
        return 0
    for stage, parts in counts.items():
        for part, number in parts.items():
            print(f"{stage:13} {part:16}{number:>14,}")
    return 0


if __name__ == "__main__":
    sys.exit(run_script("params", main))
