"""``python -m pipeline cost``: estimates what a recipe takes, before anything runs.

Networks are built on the meta device, where PyTorch counts their FLOPs without computing anything. A multiply-add is
two FLOPs, and a backward pass costs two forward passes. Frozen networks (perceptual, teachers) and validation aren't
counted; they add a tenth or so. Device-hours are FLOPs divided by peak speed times utilisation: an estimate, good to a
factor of two. Stages that train nothing are counted for the images of stage data, a million before it ran. The disk
holds two checkpoints of each training, the samples, and features and tokens of every image.
"""

import argparse
import contextlib
import functools
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.commands import run_script
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.discriminators import build_discriminator
from smalti.tokenizers.autoencoders import build_decoder
from smalti.tokenizers.vq_tokenizer import PredictingTokenizer, VQTokenizer
from stages.commands.disk_use import rows_of, sample_bytes
from stages.commands.inference_flops import Pass, flops, pass_costs, prior_flops
from stages.commands.params import count, networks_of, not_counted
from stages.training.checkpoints import KEPT

BYTES = 4  # of a float32
STATES = 5  # floats a parameter: weight, gradient, Adam's two moments, moving average


@dataclass(frozen=True)
class Cost:
    """Cost of one training. ``gflops_per_image`` and ``activations_gb_per_image`` are of one update, by image of its
    batch; ``states_gb`` is what parameters, gradients, optimizer and average take in memory."""

    parameters: int
    gflops_per_image: float
    activations_gb_per_image: float
    states_gb: float
    updates: int
    images: int
    device_hours: float
    checkpoint_gb: float


class _Activations:
    """Counts the floats that layers return, which a backward pass needs."""

    def __init__(self, *networks: nn.Module) -> None:
        self.number = 0
        leaves = [m for network in networks for m in network.modules() if not list(m.children())]
        self.hooks = [leaf.register_forward_hook(self._add) for leaf in leaves]

    def remove(self) -> None:
        """Ends the count."""
        for hook in self.hooks:
            hook.remove()

    def _add(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self.number += output.numel() if isinstance(output, Tensor) else 0


def training_cost(
    networks: list[nn.Module], flops_per_image: int, activations: int, training: Any, tflops: float, utilisation: float
) -> Cost:
    """Returns the cost of training ``networks``, where an image of an update takes so many FLOPs and floats."""
    parameters = sum(count(network) for network in networks)
    images = training.updates * training.batch_size
    return Cost(
        parameters=parameters,
        gflops_per_image=flops_per_image / 1e9,
        activations_gb_per_image=activations * BYTES / 1e9,
        states_gb=parameters * BYTES * STATES / 1e9,
        updates=training.updates,
        images=images,
        device_hours=flops_per_image * images / (tflops * 1e12 * utilisation) / 3600,
        checkpoint_gb=parameters * BYTES * (STATES - 1) / 1e9,  # all but the gradients
    )


def image_costs(recipe: Recipe, tokenizer: VQTokenizer, tflops: float, utilisation: float) -> dict[str, Cost]:
    """Returns the costs of the stages tokenizer and decoder."""
    nodes = recipe.own
    config, size = nodes["tokenizer"].config, nodes["data"].config.image_size
    discriminator = build_discriminator(config.discriminator)
    images = torch.zeros(1, 3, size, size)
    latents = tokenizer.encoder(images)
    discriminator_flops = flops(lambda: discriminator(images))
    by_stage: dict[str, Cost] = {}

    def add(stage: str, networks: list[nn.Module], run: Callable[[], Any]) -> None:
        activations = _Activations(*networks)
        forward = flops(run)
        activations.remove()
        # The discriminator learns from a real and a decoded image, and passes the generator's gradient through.
        update = 3 * forward + 8 * discriminator_flops
        training = nodes[stage].config.training
        networks = [*networks, discriminator]
        by_stage[stage] = training_cost(networks, update, activations.number, training, tflops, utilisation)

    def reconstruct() -> None:  # without the search for codes, which costs little and doesn't run on the meta device
        latents = tokenizer.encoder(images)
        tokenizer.decoder(latents)
        if isinstance(tokenizer, PredictingTokenizer):
            shares = latents.split(tokenizer.quantizer.widths, dim=1)
            for predictor, book in zip(tokenizer.predictors, tokenizer.books, strict=True):
                predictor(shares[book])

    add("tokenizer", [tokenizer], reconstruct)
    if "decoder" in nodes:
        decoder = build_decoder(config.autoencoder, nodes["decoder"].config.attention)
        add("decoder", [decoder], lambda: decoder(latents))
    return by_stage


def costs(recipe: Recipe, tflops: float, utilisation: float) -> dict[str, Cost]:
    """Returns the cost of each training of a recipe, by stage."""
    nodes = recipe.own
    if "tokenizer" not in nodes or "data" not in nodes:
        return {}
    networks = networks_of(recipe)
    with torch.device("meta"):
        by_stage = image_costs(recipe, networks.tokenizer, tflops, utilisation)
        for stage, prior in networks.priors.items():
            activations = _Activations(prior)
            forward = prior_flops(prior)
            activations.remove()
            training = nodes[stage].config.training
            by_stage[stage] = training_cost([prior], 3 * forward, activations.number, training, tflops, utilisation)
        if classifier := networks.classifier:
            side = nodes["data"].config.image_size // nodes["tokenizer"].config.autoencoder.factor
            vectors = torch.zeros(1, networks.quantizer.code_dim, side, side)
            activations = _Activations(classifier)
            update = 3 * flops(functools.partial(classifier, vectors))
            activations.remove()
            training = nodes["classifier"].config.training
            numbers = update, activations.number, training
            by_stage["classifier"] = training_cost([classifier], *numbers, tflops, utilisation)
    return by_stage


def print_json(recipe: Recipe, trainings: dict[str, Cost], passes: dict[str, Pass]) -> None:
    """Prints all figures by stage, as JSON."""
    figures: dict[str, dict[str, Any]] = {stage: asdict(cost) for stage, cost in (trainings | passes).items()}
    for stage, cost in trainings.items():
        figures[stage]["disk_gb"] = KEPT * cost.checkpoint_gb
    with contextlib.suppress(ValueError):  # the network of features has no weights here
        for stage, rows in rows_of(recipe).items():
            figures.setdefault(stage, {})["disk_bytes_per_image"] = rows.bytes_per_image
    if "samples" in figures:
        figures["samples"]["disk_gb"] = sample_bytes(recipe) / 1e9
    print(json.dumps(figures, indent=1))


def print_tables(recipe: Recipe, trainings: dict[str, Cost], passes: dict[str, Pass]) -> None:
    """Prints a Markdown table of the trainings, one of the other stages, and a line on the disk."""
    columns = "stage | parameters | GFLOPs an image | activations, GB an image | states, GB | updates"
    print(f"| {columns} | device-hours | checkpoint, GB |")
    print("|---|---|---|---|---|---|---|---|")
    for stage, cost in trainings.items():
        print(
            f"| {stage} | {cost.parameters:,} | {cost.gflops_per_image:,.1f} | {cost.activations_gb_per_image:.2f} | "
            f"{cost.states_gb:.2f} | {cost.updates:,} | {cost.device_hours:,.0f} | {cost.checkpoint_gb:.2f} |"
        )
    print("\n| stage | GFLOPs an image | images | device-hours |\n|---|---|---|---|")
    for stage, one in passes.items():
        print(f"| {stage} | {one.gflops_per_image:,.1f} | {one.images:,} | {one.device_hours:,.1f} |")
    try:
        sizes = [f"{stage} {rows.bytes_per_image:,} bytes" for stage, rows in rows_of(recipe).items()]
    except ValueError as error:
        sizes = [f"features unknown: {error}"]
    print(f"\nOn disk for each image: {', '.join(sizes)}; samples {sample_bytes(recipe) / 1e9:.2f} GB in all.")


def main(options: argparse.Namespace) -> int:
    recipe = Recipe(options.recipe, options.set)
    trainings = costs(recipe, options.tflops, options.utilisation)
    data = recipe.status(Store(options.runs)).get("data")
    passes = pass_costs(recipe, options.tflops * 1e12 * options.utilisation, data.artifact if data else None)
    if line := not_counted(recipe, trainings):
        print(line, file=sys.stderr)
    (print_json if options.json else print_tables)(recipe, trainings, passes)
    return 0


if __name__ == "__main__":
    sys.exit(run_script("cost", main))
