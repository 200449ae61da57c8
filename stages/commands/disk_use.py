"""Disk space of what the stages of a recipe write, checkpoints apart."""

from dataclasses import dataclass

import numpy as np

from configs.schema.codebook import CodebookConfig
from configs.schema.latent_shards import LatentShardsConfig
from datamodules.index import Split
from lit_modules.codebook import LitCodebook
from pipeline.graph import Recipe
from smalti.config.prior_kinds import PRIOR_STAGES
from smalti.features import build_features, feature_width
from smalti.layers.frozen import Frozen
from smalti.token_type import token_type
from stages.commands.params import quantizer_of


@dataclass(frozen=True)
class Rows:
    """What a stage writes for each image of some splits."""

    bytes_per_image: int
    splits: tuple[Split, ...]


def feature_bytes(config: CodebookConfig, image_size: int) -> int:
    """Returns what stage codebook writes for an image, and keeps until it publishes: patch features in float16.

    Raises:
        ValueError: every patch is kept, and the network, which determines their number, has no weights here.
    """
    if config.pool:
        patches, width = config.pool**2, feature_width(config.features, config.tap)
    else:
        patches, width = LitCodebook(Frozen(build_features(config.features)), config.tap, None).shape(image_size)
    return patches * width * np.dtype(np.float16).itemsize


def token_bytes(recipe: Recipe) -> int:
    """Returns what the tokens of an image take."""
    quantizer = quantizer_of(recipe)
    num_tokens = (recipe.own["data"].config.image_size // recipe.own["tokenizer"].config.autoencoder.factor) ** 2
    return quantizer.num_books * num_tokens * np.dtype(token_type(quantizer.num_codes)).itemsize


def latent_bytes(config: LatentShardsConfig, latent_dim: int, num_positions: int) -> int:
    """Returns what an image takes in latent shards.

    >>> latent_bytes(LatentShardsConfig(flip=False), latent_dim=8, num_positions=256)
    4096
    """
    return config.num_views * latent_dim * num_positions * np.dtype(config.dtype).itemsize


def rows_of(recipe: Recipe) -> dict[str, Rows]:
    """Returns what stages write for each image, by stage.

    Raises:
        ValueError: the number of features isn't known without weights.
    """
    nodes, by_stage = recipe.own, dict[str, Rows]()
    if "data" not in nodes:
        return by_stage
    size = nodes["data"].config.image_size
    if "codebook" in nodes:
        by_stage["codebook"] = Rows(feature_bytes(nodes["codebook"].config, size), ("train",))
    if "token_shards" in nodes and "tokenizer" in nodes:
        row = nodes["token_shards"].config.num_views * token_bytes(recipe)
        by_stage["token_shards"] = Rows(row, ("train", "val"))
    if "latent_shards" in nodes and "tokenizer" in nodes:
        shape = nodes["tokenizer"].config.autoencoder
        row = latent_bytes(nodes["latent_shards"].config, shape.latent_dim, (size // shape.factor) ** 2)
        by_stage["latent_shards"] = Rows(row, ("train", "val"))
    return by_stage


def sample_bytes(recipe: Recipe) -> int:
    """Returns what the samples of a recipe take: from each prior tokens, and uint8 images decoded by each decoder."""
    if "samples" not in recipe.own or "data" not in recipe.own:
        return 0
    node, size = recipe.own["samples"], recipe.own["data"].config.image_size
    priors = sum(stage in node.inputs for stage in PRIOR_STAGES)
    decoders = 2 if "decoder" in node.inputs else 1
    tokens = token_bytes(recipe) if "tokenizer" in recipe.own else 0
    return node.config.num_samples * priors * (decoders * 3 * size**2 + tokens)
