"""``python -m pipeline cost``: what a recipe will take, before it is started.

Networks are built on the meta device and their FLOPs counted by PyTorch; nothing runs. One multiply-add is two FLOPs,
and a backward costs two forwards. Frozen networks (perceptual, teachers) and validation come on top, a tenth or so.
Device-hours are FLOPs over peak times utilisation: an estimate, good to a factor of two. Two checkpoints are kept, and
features and tokens of every image. Stages that train nothing are counted for a million images, samples for those that
are drawn.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from configs.schema.codebook import CodebookConfig
from configs.schema.token_shards import TokenShardsConfig
from lit_modules.codebook import LitCodebook
from pipeline.commands import run_script
from pipeline.graph import Recipe
from smalti.codebooks import Quantizer
from smalti.config.prior_kinds import PRIOR_STAGES
from smalti.discriminators import build_discriminator
from smalti.features import build_features, feature_width
from smalti.layers.frozen import Frozen
from smalti.tokenizers.autoencoders import build_decoder
from smalti.tokenizers.vq_tokenizer import PredictingTokenizer, VQTokenizer
from stages.commands.inference_flops import flops, pass_costs, prior_flops
from stages.commands.params import count, networks_of, not_counted, quantizer_of
from stages.token_shards import token_type
from stages.training.checkpoints import KEPT

BYTES = 4  # of a float32
STATES = 5  # weights, gradients, Adam's two moments, the average


@dataclass(frozen=True)
class Cost:
    """Of one training: FLOPs of one image's update, its activations and the optimizer's states in GB."""

    parameters: int
    gflops_per_image: float
    activations_gb_per_image: float
    states_gb: float
    updates: int
    images: int
    device_hours: float
    checkpoint_gb: float


class _Activations:
    """Adds up the floats that layers give, which a backward pass keeps."""

    def __init__(self, *networks: nn.Module) -> None:
        self.number = 0
        leaves = [m for network in networks for m in network.modules() if not list(m.children())]
        self.hooks = [leaf.register_forward_hook(self._add) for leaf in leaves]

    def remove(self) -> None:
        """Adds up no more."""
        for hook in self.hooks:
            hook.remove()

    def _add(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self.number += output.numel() if isinstance(output, Tensor) else 0


def training_cost(
    networks: list[nn.Module], forward: int, activations: int, training: Any, tflops: float, utilisation: float
) -> Cost:
    """Returns the cost of a training whose forward and backward take ``forward`` FLOPs an image."""
    parameters = sum(count(network) for network in networks)
    images = training.updates * training.batch_size
    states = parameters * BYTES * STATES / 1e9
    return Cost(
        parameters, forward / 1e9, activations * BYTES / 1e9, states, training.updates, images,
        forward * images / (tflops * 1e12 * utilisation) / 3600, parameters * BYTES * (STATES - 1) / 1e9,
    )  # fmt: skip


def image_costs(recipe: Recipe, tokenizer: VQTokenizer, tflops: float, utilisation: float) -> dict[str, Cost]:
    """Returns the costs of tokenizer and decoder."""
    nodes = recipe.nodes
    config, size = nodes["tokenizer"].config, nodes["data"].config.image_size
    discriminator = build_discriminator(config.discriminator)
    images = torch.zeros(1, 3, size, size)
    found: dict[str, Cost] = {}
    latents = tokenizer.encoder(images)
    judged = flops(lambda: discriminator(images))

    def add(stage: str, networks: list[nn.Module], run: Callable[[], Any]) -> None:
        kept = _Activations(*networks)
        forward = flops(run)
        kept.remove()
        total = 3 * forward + 8 * judged  # D learns from two images, and passes the generator's gradient on
        training = nodes[stage].config.training
        found[stage] = training_cost([*networks, discriminator], total, kept.number, training, tflops, utilisation)

    def reconstruct() -> None:  # without the search, which counts little and doesn't run on the meta device
        latents = tokenizer.encoder(images)
        tokenizer.decoder(latents)
        if isinstance(tokenizer, PredictingTokenizer):
            shares = latents.split(tokenizer.quantizer.widths, dim=1)
            for predictor, book in zip(tokenizer.predictors, tokenizer.books, strict=True):
                predictor(shares[book])

    add("tokenizer", [tokenizer], reconstruct)
    if "decoder" in nodes:
        grown = build_decoder(config.autoencoder, nodes["decoder"].config.attention)
        add("decoder", [grown], lambda: grown(latents))
    return found


def costs(recipe: Recipe, tflops: float, utilisation: float) -> dict[str, Cost]:
    """Returns the cost of each training of a recipe."""
    nodes = recipe.nodes
    if "tokenizer" not in nodes or "data" not in nodes:
        return {}
    networks = networks_of(recipe)
    with torch.device("meta"):
        found = image_costs(recipe, networks.tokenizer, tflops, utilisation)
        for stage, prior in networks.priors.items():
            kept = _Activations(prior)
            forward = prior_flops(prior)
            kept.remove()
            training = nodes[stage].config.training
            found[stage] = training_cost([prior], 3 * forward, kept.number, training, tflops, utilisation)
    return found


def feature_bytes(config: CodebookConfig, image_size: int) -> int:
    """Returns what stage codebook keeps of an image until it has published: float16 patch features.

    Raises:
        ValueError: every patch is kept, and the network, which says how many there are, has no weights here.
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


def row_bytes(recipe: Recipe) -> dict[str, int]:
    """Returns {stage: bytes an image} of the stages that keep a row of every image."""
    nodes, found = recipe.nodes, dict[str, int]()
    if "data" not in nodes:
        return found
    size = nodes["data"].config.image_size
    if "codebook" in nodes:
        found["codebook"] = feature_bytes(nodes["codebook"].config, size)
    if "token_shards" in nodes and "tokenizer" in nodes:
        config = nodes["tokenizer"].config
        quantizer = quantizer_of(recipe)
        num_tokens = (size // config.autoencoder.factor) ** 2
        found["token_shards"] = token_bytes(nodes["token_shards"].config, quantizer, num_tokens)
    return found


def sample_bytes(recipe: Recipe) -> int:
    """Returns what the samples of a recipe take: uint8 images of each prior, decoded by each decoder."""
    if "samples" not in recipe.nodes or "data" not in recipe.nodes:
        return 0
    node, size = recipe.nodes["samples"], recipe.nodes["data"].config.image_size
    priors = sum(stage in node.inputs for stage in PRIOR_STAGES)
    decoders = 2 if "decoder" in node.inputs else 1
    return node.config.num_samples * priors * decoders * 3 * size**2


def main(options: argparse.Namespace) -> int:
    recipe = Recipe(options.recipe, options.set)
    found = costs(recipe, options.tflops, options.utilisation)
    passes = pass_costs(recipe, options.tflops * 1e12 * options.utilisation)
    if absent := not_counted(recipe):
        print(absent, file=sys.stderr)
    if options.json:
        told = {stage: asdict(cost) for stage, cost in (found | passes).items()}
        for stage, cost in found.items():
            told[stage]["disk_gb"] = KEPT * cost.checkpoint_gb
        with contextlib.suppress(ValueError):  # features of a network that has no weights here
            for stage, size in row_bytes(recipe).items():
                told.setdefault(stage, {})["disk_bytes_per_image"] = size
        if "samples" in told:
            told["samples"]["disk_gb"] = sample_bytes(recipe) / 1e9
        print(json.dumps(told, indent=1))
        return 0
    columns = "stage | parameters | GFLOPs an image | activations, GB an image | states, GB | updates"
    print(f"| {columns} | device-hours | checkpoint, GB |")
    print("|---|---|---|---|---|---|---|---|")
    for stage, cost in found.items():
        print(
            f"| {stage} | {cost.parameters:,} | {cost.gflops_per_image:,.1f} | {cost.activations_gb_per_image:.2f} | "
            f"{cost.states_gb:.2f} | {cost.updates:,} | {cost.device_hours:,.0f} | {cost.checkpoint_gb:.2f} |"
        )
    print("\n| stage | GFLOPs an image | images | device-hours |\n|---|---|---|---|")
    for stage, one in passes.items():
        print(f"| {stage} | {one.gflops_per_image:,.1f} | {one.images:,} | {one.device_hours:,.1f} |")
    try:
        kept = [f"{stage} {size:,} bytes" for stage, size in row_bytes(recipe).items()]
    except ValueError as error:
        kept = [f"features unknown: {error}"]
    print(f"\nOn disk for each image: {', '.join(kept)}; samples {sample_bytes(recipe) / 1e9:.2f} GB in all.")
    return 0


if __name__ == "__main__":
    sys.exit(run_script("cost", main))
