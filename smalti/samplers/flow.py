"""Sampling from a flow: dx/dt = v(x, t) from noise at t = 0 to latents at t = 1 (SiT, Ma et al. 2024)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from smalti.config.latent_sampling import SitSamplingConfig
from smalti.priors.latent import LatentPrior
from smalti.samplers.latent import LatentDraw, LatentGuidance
from smalti.samplers.sampler import Sampler

Velocity = Callable[[Tensor, float], Tensor]
"""(x, t) to v(x, t)."""


def euler_step(velocity: Velocity, x: Tensor, time: float, length: float) -> Tensor:
    """Returns x + h v(x, t), h the step's ``length``; an error of order h."""
    return x + length * velocity(x, time)


def heun_step(velocity: Velocity, x: Tensor, time: float, length: float) -> Tensor:
    """Returns x + h (v(x, t) + v(x + h v(x, t), t + h)) / 2; an error of order h^2."""
    before = velocity(x, time)
    after = velocity(x + length * before, time + length)
    return x + length * (before + after) / 2


STEPS = {"euler": euler_step, "heun": heun_step}


@torch.no_grad()
def sample_flow(draw: LatentDraw, method: str, steps: int) -> Tensor:
    """Returns standardised latents (B, D, h, w) after ``steps`` of one length by ``method``, a name in STEPS.

    The scale of the guidance is one for a whole step.
    """
    latents = draw.noise("start")
    for step in range(steps):
        done = step / steps

        def velocity(x: Tensor, time: float, done: float = done) -> Tensor:
            return draw.predict(x, time, done)[:, : x.shape[1]]

        latents = STEPS[method](velocity, latents, done, 1 / steps)
    return latents


def sit_sampler(prior: LatentPrior, config: SitSamplingConfig, seed: int) -> Sampler:
    """Returns (labels (B,), sample indices) -> latents (B, D, h, w) of the tokenizer, float32.

    Raises:
        ValueError: more guided channels than the latents have.
    """
    guidance = LatentGuidance.of(config, prior)

    def sample(labels: Tensor, indices: Sequence[int]) -> Tensor:
        draw = LatentDraw(prior, guidance, labels, indices, seed, "sit")
        return draw.finish(sample_flow(draw, config.method, config.steps))

    return sample
