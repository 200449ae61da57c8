"""What the samplers of latents share: a guided prediction, and noise by name.

B batch, D channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from smalti.config.latent_sampling import LatentSamplingConfig
from smalti.priors.latent import LatentPrior
from smalti.samplers.guidance import Guidance, guidance_for, guide
from smalti.samplers.noise import normal


@dataclass(frozen=True)
class LatentGuidance:
    """Guidance of latents: how strong, and how many of the first channels it moves."""

    guidance: Guidance
    num_channels: int

    @classmethod
    def of(cls, config: LatentSamplingConfig, prior: LatentPrior) -> "LatentGuidance":
        """Returns the guidance that the settings name.

        Raises:
            ValueError: more guided channels than the latents have, or several scales.
        """
        wanted, available = config.guided_channels, prior.num_channels
        if wanted is not None and wanted > available:
            raise ValueError(f"guided_channels {wanted}: the latents have {available} channels; give at most as many")
        return cls(guidance_for(config.guidance, 1), wanted or available)


@dataclass(frozen=True)
class LatentDraw:
    """Samples of one batch while they are drawn: of which ``prior``, ``labels`` (B,), ``indices``, ``seed`` and
    ``purpose``."""

    prior: LatentPrior
    guidance: LatentGuidance
    labels: Tensor
    indices: Sequence[int]
    seed: int
    purpose: str

    def noise(self, step: int | str) -> Tensor:
        """Returns standard normal noise (B, D, h, w) of this ``step`` in the samples' type, at least float32."""
        shape = (self.prior.num_channels, *self.prior.grid)
        found = normal(self.seed, self.indices, shape, f"{self.purpose} {step}")
        return found.to(self.labels.device, torch.promote_types(self.prior.mean.dtype, torch.float32))

    def predict(self, noisy: Tensor, time: float, done: float) -> Tensor:
        """Returns the network's prediction (B, C, h, w) for noisy latents (B, D, h, w), guided when a share ``done`` of
        the steps is done.

        Guidance moves the first channels by u + s (c - u); those of the learned variance are the conditional model's,
        as in DiT. With a scale of 1 the conditional model runs alone, else both in one batch.
        """
        prior, scale = self.prior, self.guidance.guidance.scale(0, done, done)
        times = torch.full((len(noisy),), time, dtype=noisy.dtype, device=noisy.device)
        given = noisy.to(next((weight.dtype for weight in prior.parameters()), noisy.dtype))  # but not the times
        if scale == 1:
            return prior(given, times, self.labels).to(noisy.dtype)
        labels = torch.cat([self.labels, prior.nothing(self.labels)])
        both = prior(given.repeat(2, 1, 1, 1), times.repeat(2), labels).to(noisy.dtype)
        conditional, unconditional = both.chunk(2)
        moved = self.guidance.num_channels
        guided = guide(conditional[:, :moved], unconditional[:, :moved], scale)
        return torch.cat([guided, conditional[:, moved:]], dim=1)

    def finish(self, latents: Tensor) -> Tensor:
        """Returns what is drawn as the tokenizer's latents (B, D, h, w), float32.

        Raises:
            ValueError: latents that aren't finite, which have no nearest code.
        """
        found = self.prior.restore(latents).float()
        if not found.isfinite().all():
            raise ValueError(
                "the latents that the prior drew aren't finite; take guidance nearer to 1, or train the prior again"
            )
        return found
