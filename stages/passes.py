"""FLOPs of the stages that train nothing: one pass over images, or sampling."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from configs.architecture import FeatureNetworkConfig
from configs.stages import SamplesConfig
from lit_modules.samples import guidance_for
from networks.attention import attention_decoder
from networks.features import bare_network
from networks.priors.causal import CausalPrior
from networks.priors.masked import MaskedPrior
from networks.quantizers import Quantizer
from networks.tokenizer import VQTokenizer
from pipeline.graph import Recipe

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
    """Returns the FLOPs of one image through a whole feature network; a shallow tap takes less. On the meta device."""
    network, size = bare_network(config).eval(), config.input_size or image_size
    return flops(lambda: network(torch.zeros(1, 3, size, size)))


def prior_flops(prior: CausalPrior | MaskedPrior) -> int:
    """Returns the FLOPs of the logits of all positions of one image. On the meta device."""
    tokens = torch.zeros(1, prior.num_books, prior.num_tokens, dtype=torch.int64)
    labels = torch.zeros(1, dtype=torch.int64)
    body = flops(lambda: prior.features(tokens, labels))
    return body + sum(2 * prior.num_tokens * weight.numel() for weight in prior.outputs.weights())


def sampling_flops(config: SamplesConfig, priors: dict[str, nn.Module], num_books: int) -> int:
    """Returns the FLOPs of one image by each prior: with key-value caches an AR image takes one forward of all its
    positions, a NAR image one for each step; guidance doubles them."""
    total = 0
    for stage, prior in priors.items():
        assert isinstance(prior, CausalPrior | MaskedPrior)
        own = config.ar if stage == "ar_prior" else config.nar
        passes = 1 if stage == "ar_prior" else config.nar.steps
        total += passes * (2 if guidance_for(own.guidance, num_books).active else 1) * prior_flops(prior)
    return total


def pass_costs(
    recipe: Recipe, tokenizer: VQTokenizer, quantizer: Quantizer, priors: dict[str, nn.Module], speed: float
) -> dict[str, Pass]:
    """Returns the cost of codebook, token_shards, samples and scores, as far as the recipe has them.

    ``speed`` is in FLOPs a second. Scores count val images; samples and train images pass the judge once each on top.
    """
    nodes, found = recipe.nodes, dict[str, tuple[int, int]]()
    size = nodes["data"].config.image_size
    images = torch.zeros(1, 3, size, size)
    latents: Tensor = tokenizer.encoder(images)
    encoding = flops(lambda: tokenizer.encoder(images))
    encoding += 2 * latents.numel() * quantizer.num_codes  # the search, each book with its share of the channels
    decoders: list[nn.Module] = [tokenizer.decoder]
    if "decoder" in nodes:
        decoders.append(attention_decoder(nodes["tokenizer"].config.autoencoder, nodes["decoder"].config.attention))
    decoding = sum(flops(lambda decoder=decoder: decoder(latents)) for decoder in decoders)  # type: ignore[misc]
    if "codebook" in nodes:
        found["codebook"] = feature_flops(nodes["codebook"].config.features, size), MILLION
    if "token_shards" in nodes:
        found["token_shards"] = encoding * nodes["token_shards"].config.num_views, MILLION
    if "samples" in nodes:
        config = nodes["samples"].config
        drawn = sampling_flops(config, priors, quantizer.num_books) + len(priors) * decoding
        found["samples"] = drawn, config.num_samples
    if "scores" in nodes:
        judging = (1 + len(decoders)) * feature_flops(nodes["scores"].config.judge, size)
        found["scores"] = encoding + decoding + judging, MILLION
    return {stage: Pass(one / 1e9, many, one * many / speed / 3600) for stage, (one, many) in found.items()}
