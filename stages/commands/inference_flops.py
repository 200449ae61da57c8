"""FLOPs of the stages that train nothing: a pass over the images, or sampling."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from configs.schema.sweep import PriorSweepConfig, SweepConfig
from datamodules.index import SPLITS
from pipeline.graph import Recipe
from smalti.artifact import Artifact
from smalti.config.features import FeatureNetworkConfig
from smalti.config.prior_kinds import PRIOR_KINDS, PRIOR_STAGES
from smalti.config.sampling import SamplingConfig
from smalti.features import bare_network
from smalti.priors import TokenPrior
from smalti.priors.latent import LatentPrior
from smalti.tokenizers.autoencoders import build_decoder
from stages.commands.params import networks_of

MILLION = 1_000_000  # images that are assumed before stage data has counted them


@dataclass(frozen=True)
class Pass:
    """FLOPs of one image, and the device-hours that ``images`` of them take."""

    gflops_per_image: float
    images: int
    device_hours: float


def flops(run: Callable[[], Any]) -> int:
    """Returns the FLOPs of ``run``, which works on the meta device."""
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def feature_flops(config: FeatureNetworkConfig, image_size: int) -> int:
    """Returns the FLOPs of one image through a whole feature network, on the meta device; a shallow tap takes less.

    Raises:
        ValueError: the network is unknown, or takes no images of this size.
    """
    network, size = bare_network(config).eval(), config.input_size or image_size
    try:
        return flops(lambda: network(torch.zeros(1, 3, size, size)))
    except (AssertionError, RuntimeError) as error:
        raise ValueError(f"{config.kind} takes no images of {size} px ({error}); set its input_size") from error


def prior_flops(prior: nn.Module) -> int:
    """Returns the FLOPs of one forward of a prior for one image, on the meta device: the logits at all positions, or
    the prediction for its latents."""
    if isinstance(prior, LatentPrior):
        latents = torch.zeros(1, prior.num_channels, *prior.grid)
        return flops(lambda: prior(latents, torch.zeros(1), torch.zeros(1, dtype=torch.int64)))
    assert isinstance(prior, TokenPrior)
    tokens = torch.zeros(1, prior.num_books, prior.num_tokens, dtype=torch.int64)
    labels = torch.zeros(1, dtype=torch.int64)
    body = flops(lambda: prior.features(tokens, labels))
    return body + sum(2 * prior.num_tokens * weight.numel() for weight in prior.outputs.weights())


def sampling_flops(settings: Mapping[str, SamplingConfig], priors: Mapping[str, nn.Module]) -> int:
    """Returns the FLOPs of one image from each of the priors (by stage): all forward passes of their samplers, whose
    ``settings`` are those of their kinds."""
    return sum(
        settings[PRIOR_STAGES[stage].name].guided_forwards * prior_flops(prior) for stage, prior in priors.items()
    )


def settings_of_samples(recipe: Recipe) -> dict[str, SamplingConfig]:
    """Returns how stage samples samples each kind of prior; of those that stage sweep will choose, from where it
    starts, or the defaults."""
    config, searches = recipe.own["samples"].config, dict[str, PriorSweepConfig]()
    if "sweep" in recipe.own:
        searches = recipe.own["sweep"].config.searches()
    starts = {
        name: searches[name].start if name in searches else PRIOR_KINDS[name].sampling_config()
        for name in config.chosen()
    }
    return config.settings() | starts


def sweep_pass(config: SweepConfig, priors: Mapping[str, nn.Module], looking: int) -> tuple[int, int]:
    """Returns the FLOPs of an image of stage sweep, on average, and how many it draws in one pass: of ``looking`` each
    is decoded and judged."""
    work = images = 0
    for stage, prior in priors.items():
        candidates = config.searches()[PRIOR_STAGES[stage].name].around_start()
        images += len(candidates) * config.num_samples
        forwards = sum(candidate.guided_forwards for candidate in candidates)
        work += config.num_samples * forwards * prior_flops(prior)
    return (work // images + looking if images else 0), images


def pass_costs(recipe: Recipe, speed: float, data: Artifact | None = None) -> dict[str, Pass]:
    """Returns the cost of those of codebook, shards, sweep, samples and scores that a recipe has, by stage.

    Priors and decoders count if this recipe trains them and the stage takes them. The search for codes is left out: it
    costs little. Scores are counted for val images; samples and train images pass through the judge once each on top.

    Args:
        speed: FLOPs a second.
        data: the published index, which knows how many images there are; without it a million are assumed.
    """
    num_train, num_val = (data.facts[f"num_{split}"] if data else MILLION for split in SPLITS)
    num_all = num_train + num_val if data else MILLION
    nodes = recipe.own
    if "tokenizer" not in nodes or "data" not in nodes:
        return {}
    networks, size = networks_of(recipe), nodes["data"].config.image_size

    def takes(stage: str, name: str) -> bool:
        return nodes[stage].inputs.get(name) == name

    work: dict[str, tuple[int, int]] = {}  # FLOPs of an image, and images, by stage
    with torch.device("meta"):
        images = torch.zeros(1, 3, size, size)
        latents = networks.tokenizer.encoder(images)
        encoding = flops(lambda: networks.tokenizer.encoder(images))
        decoding = {"tokenizer": flops(lambda: networks.tokenizer.decoder(latents))}
        if "decoder" in nodes:
            decoder = build_decoder(nodes["tokenizer"].config.autoencoder, nodes["decoder"].config.attention)
            decoding["decoder"] = flops(lambda: decoder(latents))
        if "codebook" in nodes:
            work["codebook"] = feature_flops(nodes["codebook"].config.features, size), num_train
        for stage in ("token_shards", "latent_shards"):
            if stage in nodes:
                work[stage] = encoding * nodes[stage].config.num_views, num_all
        if "sweep" in nodes:
            config = nodes["sweep"].config
            priors = {stage: prior for stage, prior in networks.priors.items() if takes("sweep", stage)}
            last = decoding["decoder" if takes("sweep", "decoder") else "tokenizer"]
            work["sweep"] = sweep_pass(config, priors, last + feature_flops(config.judge, size))
        if "samples" in nodes:
            config = nodes["samples"].config
            priors = {stage: prior for stage, prior in networks.priors.items() if takes("samples", stage)}
            decoders = [number for name, number in decoding.items() if takes("samples", name)]
            drawing = sampling_flops(settings_of_samples(recipe), priors)
            work["samples"] = drawing + len(priors) * sum(decoders), config.num_samples
        if "scores" in nodes:
            decoders = [number for name, number in decoding.items() if takes("scores", name)]
            judging = (1 + len(decoders)) * feature_flops(nodes["scores"].config.judge, size)
            work["scores"] = encoding + sum(decoders) + judging, num_val
    return {stage: Pass(one / 1e9, many, one * many / speed / 3600) for stage, (one, many) in work.items()}
