"""What can be told of a run before it: networks, taps, a GAN that never starts, scores that will be absent."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from configs.schema.codebook import CodebookConfig
from configs.schema.generation import GenerationConfig
from configs.schema.scores import ScoresConfig
from configs.schema.sweep import SweepConfig
from pipeline.graph import Recipe
from smalti.artifact import Artifact
from smalti.config.features import FeatureNetworkConfig, InceptionConfig
from smalti.config.field_types import classes_of
from smalti.config.losses import SemanticLossConfig
from smalti.features import build_features, feature_width
from smalti.metrics.frechet import check_enough
from smalti.metrics.inception import PARTS
from smalti.metrics.neighbours import FEWEST

Problem = tuple[str, str]  # stage, and what is wrong


def feature_networks(config: Any) -> Iterator[Any]:
    """Yields the configs of feature networks inside a config."""
    if isinstance(config, tuple(classes_of(FeatureNetworkConfig).values())):
        yield config
    elif dataclasses.is_dataclass(config):
        for field in dataclasses.fields(config):
            yield from feature_networks(getattr(config, field.name))
    elif isinstance(config, tuple):
        for item in config:
            yield from feature_networks(item)


def taps_of(config: Any) -> Iterator[tuple[Any, str, str]]:
    """Yields (network, tap, key of the tap) of a stage's config."""
    if isinstance(config, CodebookConfig):
        yield config.features, config.tap, "tap"
    if isinstance(config, GenerationConfig):
        for name in ("reconstruction_tap", "generation_tap", "classifier_tap"):
            if hasattr(config, name):
                yield config.judge, getattr(config, name), name
    loss = getattr(config, "perceptual", None)
    if isinstance(loss, SemanticLossConfig):
        for name in ("low", "semantic"):
            for tap in getattr(loss, name):
                yield loss.network, tap, f"perceptual.{name}"


def wrong_networks(recipe: Recipe) -> Iterator[Problem]:
    """Yields weights files that are another network's, and taps that a network doesn't have."""
    tried: dict[Any, str] = {}
    for stage, node in recipe.nodes.items():
        for network, tap, key in taps_of(node.config):
            try:
                feature_width(network, tap)
            except ValueError as error:
                yield stage, f"{key}: {error}"
        for network in feature_networks(node.config):
            if network not in tried:
                tried[network] = ""
                try:
                    build_features(network)
                except (ValueError, RuntimeError) as error:
                    tried[network] = str(error)
            if tried[network]:
                yield stage, f"{network.kind}: {tried[network]}"


def small_sweeps(recipe: Recipe) -> Iterator[Problem]:
    """Yields sweeps of fewer samples than the distance that they judge by needs."""
    for stage, node in recipe.nodes.items():
        if isinstance(node.config, SweepConfig):
            try:
                check_enough(feature_width(node.config.judge, node.config.generation_tap), node.config.num_samples)
            except ValueError as error:
                yield stage, f"num_samples: {error}"


def late_gans(recipe: Recipe) -> Iterator[Problem]:
    """Yields GANs that start after the last update."""
    for stage, node in recipe.nodes.items():
        gan = getattr(node.config, "gan", None)
        if gan is None or not gan.weight:
            continue
        start, end = gan.generator_start, node.config.training.updates
        if start >= end:
            remedy = "start earlier, train longer, or set gan.weight to 0"
            yield stage, f"gan.generator_start {start}: the training ends at update {end}, and never has one; {remedy}"


def compared_images(scores: ScoresConfig, data: Artifact) -> int:
    """Returns how many real images have their neighbours counted."""
    counts = {"train": data.facts["num_train"], "val": data.facts["num_val"]}
    number = sum(counts.values()) if scores.reference == "all" else counts[scores.reference]
    return int(min(number, scores.reference_images or number, scores.manifold_images))


def absent_scores(recipe: Recipe, data: Artifact) -> Iterator[str]:
    """Yields which scores will be absent, and why, for as many images as were indexed."""
    scores = recipe.nodes["scores"].config if "scores" in recipe.nodes else None
    if not isinstance(scores, ScoresConfig):
        return
    counts = {"reconstruction_tap": ("val images", data.facts["num_val"])}
    if "samples" in recipe.nodes:
        counts["generation_tap"] = ("samples", recipe.nodes["samples"].config.num_samples)
    for name, (what, number) in counts.items():
        width = feature_width(scores.judge, getattr(scores, name))
        if number < 2 * width:
            yield (
                f"the Frechet distance at {name} {getattr(scores, name)}: {width} channels need {2 * width} {what}, "
                f"there are {number}; name a narrower tap, or give more"
            )
    if "samples" in recipe.nodes:
        near = (counts["generation_tap"], ("reference images", compared_images(scores, data)))
        for what, number in near:
            if number < FEWEST:
                yield f"precision, recall, density and coverage need {FEWEST} {what}, there are {number}"
    if len(data.facts["class_names"]) < 2 and "samples" in recipe.nodes:
        yield "class agreement: fewer than two classes"
    if not scores.lpips:
        yield "LPIPS: scores.lpips names no backbone"
    if not isinstance(scores.judge, InceptionConfig):
        yield "Inception score: the judge isn't of kind inception"
    elif "samples" in recipe.nodes and recipe.nodes["samples"].config.num_samples < PARTS:
        yield f"Inception score: fewer than {PARTS} samples"
