"""Sampling from a prior, and decoding by one or more decoders."""

from collections.abc import Callable, Sequence

import torch
from einops import rearrange
from lightning.pytorch import LightningModule
from torch import Tensor

from configs.stages import ArSamplingConfig, NarSamplingConfig
from metrics.reconstruction import to_uint8
from networks.frozen import Frozen
from networks.noise import uniform
from networks.priors.causal import CausalPrior
from networks.priors.masked import MaskedPrior
from networks.sampling import ConfidenceDecoding, sample_causal, sample_masked
from networks.tokenizer import VQTokenizer

Sampler = Callable[[Tensor, Sequence[int]], Tensor]


def causal_sampler(prior: CausalPrior, config: ArSamplingConfig, seed: int) -> Sampler:
    """Returns (labels (B,), sample indices) -> tokens (B, N)."""

    def sample(labels: Tensor, indices: Sequence[int]) -> Tensor:
        noise = uniform(seed, indices, (prior.num_tokens,), "ar").to(labels.device)
        return sample_causal(
            prior, labels, noise, temperature=config.temperature, top_k=config.top_k, top_p=config.top_p,
            guidance=config.guidance,
        )  # fmt: skip

    return sample


def masked_sampler(prior: MaskedPrior, config: NarSamplingConfig, seed: int) -> Sampler:
    """Returns (labels (B,), sample indices) -> tokens (B, N)."""
    settings = ConfidenceDecoding(
        steps=config.steps,
        token_temperature=config.token_temperature,
        choice_temperature=config.choice_temperature,
        choice_space=config.choice_space,
        schedule=config.schedule,
        guidance=config.guidance,
        guidance_form=config.guidance_form,
    )

    def sample(labels: Tensor, indices: Sequence[int]) -> Tensor:
        noise = uniform(seed, indices, (2, config.steps, prior.num_tokens), "nar").to(labels.device)
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
        tokens = rearrange(tokens, "b (h w) -> b h w", h=self.grid[0])
        return torch.stack([to_uint8(decoder.network.decode(tokens)) for decoder in self.decoders], dim=1)
