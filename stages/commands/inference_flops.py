"""FLOPs of the stages that train nothing: one pass over images, or sampling."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from configs.schema.samples import SamplesConfig
from pipeline.graph import Recipe
from smalti.config.features import FeatureNetworkConfig
from smalti.config.prior_kinds import PRIOR_STAGES
from smalti.features import bare_network
from smalti.priors import TokenPrior
from smalti.samplers.guidance import guidance_for
from smalti.tokenizers.autoencoders import build_decoder
from stages.commands.params import networks_of

MILLION = 1_000_000  # images, where the recipe doesn't say how many there are


@dataclass(frozen=True)
class Pass:
    """FLOPs of one image, and what ``images`` of them take."""

    gflops_per_image: float
    images: int
    device_hours: float


def flops(run: Callable[[], Any]) -> int:
    """Returns the FLOPs of what ``run`` does on the meta device."""
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def feature_flops(config: FeatureNetworkConfig, image_size: int) -> int:
    """Returns the FLOPs of one image through a whole feature network; a shallow tap takes less. On the meta device.

    Raises:
        ValueError: a network that isn't there, or one that takes no images of this size.
    """
    network, size = bare_network(config).eval(), config.input_size or image_size
    try:
        return flops(lambda: network(torch.zeros(1, 3, size, size)))
    except (AssertionError, RuntimeError) as error:
        raise ValueError(f"{config.kind} takes no images of {size} px ({error}); set its input_size") from error


def prior_flops(prior: TokenPrior) -> int:
    """Returns the FLOPs of the logits of all positions of one image. On the meta device."""
    tokens = torch.zeros(1, prior.num_books, prior.num_tokens, dtype=torch.int64)
    labels = torch.zeros(1, dtype=torch.int64)
    body = flops(lambda: prior.features(tokens, labels))
    return body + sum(2 * prior.num_tokens * weight.numel() for weight in prior.outputs.weights())


def sampling_flops(config: SamplesConfig, priors: dict[str, TokenPrior]) -> int:
    """Returns the FLOPs of one image by each prior, by stage: the forwards of its sampler; guidance doubles them."""
    total, settings = 0, config.settings()
    for stage, prior in priors.items():
        own = settings[PRIOR_STAGES[stage].name]
        guided = guidance_for(own.guidance, prior.num_books).active
        total += own.num_forwards * (2 if guided else 1) * prior_flops(prior)
    return total


def pass_costs(recipe: Recipe, speed: float) -> dict[str, Pass]:
    """Returns the cost of codebook, token_shards, samples and scores, as far as the recipe has them; ``speed`` is in
    FLOPs a second.

    Priors and decoders count that this recipe trains and these stages take. The search of codes counts little and is
    left out. Scores are of val images; samples and train images pass the judge once each on top.
    """
    nodes, found = recipe.nodes, dict[str, tuple[int, int]]()
    if "tokenizer" not in nodes or "data" not in nodes:
        return {}
    networks, size = networks_of(recipe), nodes["data"].config.image_size

    def taken(stage: str, name: str) -> bool:
        return nodes[stage].inputs.get(name) == name

    with torch.device("meta"):
        images = torch.zeros(1, 3, size, size)
        latents = networks.tokenizer.encoder(images)
        encoding = flops(lambda: networks.tokenizer.encoder(images))
        decoding = {"tokenizer": flops(lambda: networks.tokenizer.decoder(latents))}
        if "decoder" in nodes:
            grown = build_decoder(nodes["tokenizer"].config.autoencoder, nodes["decoder"].config.attention)
            decoding["decoder"] = flops(lambda: grown(latents))
        if "codebook" in nodes:
            found["codebook"] = feature_flops(nodes["codebook"].config.features, size), MILLION
        if "token_shards" in nodes:
            found["token_shards"] = encoding * nodes["token_shards"].config.num_views, MILLION
        if "samples" in nodes:
            config = nodes["samples"].config
            priors = {stage: prior for stage, prior in networks.priors.items() if taken("samples", stage)}
            shown = [number for name, number in decoding.items() if taken("samples", name)]
            found["samples"] = sampling_flops(config, priors) + len(priors) * sum(shown), config.num_samples
        if "scores" in nodes:
            shown = [number for name, number in decoding.items() if taken("scores", name)]
            judging = (1 + len(shown)) * feature_flops(nodes["scores"].config.judge, size)
            found["scores"] = encoding + sum(shown) + judging, MILLION
    return {stage: Pass(one / 1e9, many, one * many / speed / 3600) for stage, (one, many) in found.items()}
