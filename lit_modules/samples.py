"""Sampling from a prior, and decoding by one or more decoders."""

from collections.abc import Callable, Sequence

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from configs.sampling import ArSamplingConfig, GuidanceConfig, NarSamplingConfig
from metrics.reconstruction import to_uint8
from networks.frozen import Frozen
from networks.guidance import Guidance
from networks.noise import uniform
from networks.priors.causal import CausalPrior
from networks.priors.masked import MaskedPrior
from networks.sampling import ConfidenceDecoding, sample_causal, sample_masked
from networks.tokenizer import VQTokenizer, on_grid

Sampler = Callable[[Tensor, Sequence[int]], Tensor]


def guidance_for(config: GuidanceConfig, num_books: int) -> Guidance:
    """Returns the guidance that a recipe names.

    Raises:
        ValueError: a list of scales that fits neither all books at once nor each.
    """
    if len(config.scale) not in (1, num_books):
        raise ValueError(f"guidance.scale {list(config.scale)}: give one number, or one for each of {num_books} books")
    return Guidance.of(config.scale, config.parameter, config.form, config.power)


def causal_sampler(prior: CausalPrior, config: ArSamplingConfig, seed: int) -> Sampler:
    """Returns (labels (B,), sample indices) -> tokens (B, k, N)."""
    guidance = guidance_for(config.guidance, prior.num_books)
    top_k = config.top_k if config.top_k_share is None else max(1, round(config.top_k_share * prior.num_codes))

    def sample(labels: Tensor, indices: Sequence[int]) -> Tensor:
        noise = uniform(seed, indices, (prior.num_books, prior.num_tokens), "ar").to(labels.device)
        return sample_causal(
            prior, labels, noise, temperature=config.temperature, top_k=top_k, top_p=config.top_p, guidance=guidance
        )

    return sample


def masked_sampler(prior: MaskedPrior, config: NarSamplingConfig, seed: int) -> Sampler:
    """Returns (labels (B,), sample indices) -> tokens (B, k, N)."""
    settings = ConfidenceDecoding(
        steps=config.steps,
        token_temperature=config.token_temperature,
        choice_temperature=config.choice_temperature,
        choice_space=config.choice_space,
        schedule=config.schedule,
        guidance=guidance_for(config.guidance, prior.num_books),
    )

    def sample(labels: Tensor, indices: Sequence[int]) -> Tensor:
        noise = uniform(seed, indices, (2, config.steps, prior.num_books, prior.num_tokens), "nar").to(labels.device)
        return sample_masked(prior, labels, noise, settings)

    return sample


class LitSamples(LightningModule):
    """Predicts uint8 images (B, decoders, 3, H, W) for sample indices and labels."""

    def __init__(
        self,
        prior: Frozen[CausalPrior] | Frozen[MaskedPrior],
        sampler: Sampler,
        decoders: Sequence[Frozen[VQTokenizer]],
        grid: Sequence[int],
    ) -> None:
        super().__init__()
        self.prior, self.sampler, self.decoders, self.grid = prior, sampler, decoders, grid

    def on_predict_start(self) -> None:
        for network in (self.prior, *self.decoders):
            network.to(self.device)

    def predict_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        tokens = self.sampler(batch["labels"], batch["index"].tolist())
        tokens = on_grid(tokens, self.grid)
        return torch.stack([to_uint8(decoder.network.decode(tokens)) for decoder in self.decoders], dim=1)
