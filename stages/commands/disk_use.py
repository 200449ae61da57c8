"""Disk space of what the stages of a recipe write, checkpoints apart."""

from dataclasses import dataclass

import numpy as np

from configs.schema.codebook import CodebookConfig
from configs.schema.token_shards import TokenShardsConfig
from datamodules.index import Split
from lit_modules.codebook import LitCodebook
from pipeline.graph import Recipe
from smalti.codebooks import Quantizer
from smalti.config.prior_kinds import PRIOR_STAGES
from smalti.features import build_features, feature_width
from smalti.layers.frozen import Frozen
from stages.commands.params import quantizer_of
from stages.token_shards import token_type


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


def token_bytes(config: TokenShardsConfig, quantizer: Quantizer, num_tokens: int) -> int:
    """Returns what an image takes in token shards."""
    item = np.dtype(token_type(quantizer.num_codes)).itemsize
    return config.num_views * quantizer.num_books * num_tokens * item


def rows_of(recipe: Recipe) -> dict[str, Rows]:
    """Returns what stages write for each image, by stage.

    Raises:
        ValueError: the number of features isn't known without weights.
    """
    nodes, by_stage = recipe.nodes, dict[str, Rows]()
    if "data" not in nodes:
        return by_stage
    size = nodes["data"].config.image_size
    if "codebook" in nodes:
        by_stage["codebook"] = Rows(feature_bytes(nodes["codebook"].config, size), ("train",))
    if "token_shards" in nodes and "tokenizer" in nodes:
        num_tokens = (size // nodes["tokenizer"].config.autoencoder.factor) ** 2
        row = token_bytes(nodes["token_shards"].config, quantizer_of(recipe), num_tokens)
        by_stage["token_shards"] = Rows(row, ("train", "val"))
    return by_stage


def sample_bytes(recipe: Recipe) -> int:
    """Returns what the samples of a recipe take: uint8 images from each prior, decoded by each decoder."""
    if "samples" not in recipe.nodes or "data" not in recipe.nodes:
        return 0
    node, size = recipe.nodes["samples"], recipe.nodes["data"].config.image_size
    priors = sum(stage in node.inputs for stage in PRIOR_STAGES)
    decoders = 2 if "decoder" in node.inputs else 1
    return node.config.num_samples * priors * decoders * 3 * size**2
