"""Sampling from diffusion priors, step by step from noise to latents.

abar is ``alphas_cumprod`` of a NoiseSchedule; steps of a respaced schedule count from its last to 0.
"""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from smalti.config.latent_sampling import DdimConfig, DitSamplingConfig, LdmSamplingConfig
from smalti.losses.diffusion import learned_log_variance
from smalti.priors.dit import Dit
from smalti.priors.latent import LatentPrior
from smalti.priors.noise_schedule import NoiseSchedule, linear_schedule, scaled_linear_schedule
from smalti.samplers.latent import LatentDraw, LatentGuidance
from smalti.samplers.sampler import Sampler

LogVariance = Callable[[NoiseSchedule, int, Tensor], Tensor]
"""(schedule, step, the prediction's channels behind the first D) to the logarithm of a step's variance."""


def check_steps(num_times: int, steps: int) -> None:
    """
    Raises:
        ValueError: more steps than times, or none.
    """
    if not 1 <= steps <= num_times:
        raise ValueError(f"{steps} steps: the noise schedule has {num_times}; give 1 to {num_times}")


def spaced_times(num_times: int, steps: int) -> list[int]:
    """Returns ``steps`` times spread evenly from 0 to the last (Nichol & Dhariwal 2021; DiT); one step is the last,
    where released code has the first.

    >>> spaced_times(1000, 4)
    [0, 333, 666, 999]
    """
    check_steps(num_times, steps)
    if steps == 1:
        return [num_times - 1]
    strides = itertools.repeat((num_times - 1) / (steps - 1), steps - 1)
    return [round(place) for place in itertools.accumulate(strides, initial=0.0)]  # added up, as released


def strided_times(num_times: int, steps: int) -> list[int]:
    """Returns ``steps`` times in strides from 1 on, as CompVis's DDIM has them; all times for as many steps.

    >>> strided_times(1000, 4), strided_times(3, 3)
    ([1, 251, 501, 751], [0, 1, 2])
    """
    check_steps(num_times, steps)
    return [i * num_times // steps + (steps < num_times) for i in range(steps)]


def predicted_data(noisy: Tensor, epsilon: Tensor, kept: float) -> Tensor:
    """Returns x_0 = (x_t - sqrt(1 - abar_t) epsilon) / sqrt(abar_t) (DDPM eq. 4 solved for x_0), ``kept`` abar_t."""
    return (noisy - math.sqrt(1 - kept) * epsilon) / math.sqrt(kept)


def ddim_step(noisy: Tensor, epsilon: Tensor, kept: float, kept_after: float, eta: float, noise: Tensor) -> Tensor:
    """Returns x_s from x_t: sqrt(abar_s) x_0 + sqrt(1 - abar_s - sigma^2) epsilon + sigma noise (Song et al. 2021, eq.
    12), sigma = eta sqrt((1 - abar_s) / (1 - abar_t)) sqrt(1 - abar_t / abar_s) (eq. 16).

    ``kept`` is abar_t, ``kept_after`` abar_s; eta 0 is deterministic, 1 is DDPM with the small variance.
    """
    sigma = eta * math.sqrt((1 - kept_after) / (1 - kept) * (1 - kept / kept_after))
    direction = math.sqrt(max(0.0, 1 - kept_after - sigma**2)) * epsilon
    return math.sqrt(kept_after) * predicted_data(noisy, epsilon, kept) + direction + sigma * noise


def ddpm_step(
    noisy: Tensor, epsilon: Tensor, schedule: NoiseSchedule, step: int, log_variance: Tensor, noise: Tensor
) -> Tensor:
    """Returns x_t-1 from x_t: the posterior's mean at the predicted x_0 (DDPM eq. 7), and noise of this variance, none
    at step 0."""
    data = predicted_data(noisy, epsilon, schedule.alphas_cumprod[step].item())
    mean = schedule.data_coefficient[step].item() * data + schedule.noisy_coefficient[step].item() * noisy
    return mean + (log_variance / 2).exp() * noise if step else mean


def small_log_variance(schedule: NoiseSchedule, step: int, channels: Tensor) -> Tensor:
    """Returns the logarithm of the posterior's variance, the small of DDPM's two (section 3.2)."""
    return schedule.posterior_log_variance[step].to(channels)


def ranged_log_variance(schedule: NoiseSchedule, step: int, channels: Tensor) -> Tensor:
    """Returns the one that the network has learned (B, D, h, w) (Nichol & Dhariwal 2021, eq. 15)."""
    times = torch.full((len(channels),), step, device=channels.device)
    return learned_log_variance(schedule, times, channels)


@torch.no_grad()
def sample_ddpm(draw: LatentDraw, schedule: NoiseSchedule, times: Sequence[int], log_variance: LogVariance) -> Tensor:
    """Returns standardised latents (B, D, h, w) after one ancestral step for each of ``times``, rising times of
    ``schedule`` (DDPM Algorithm 2 on the schedule of these alone)."""
    respaced, latents = schedule.respaced(times), draw.noise("start")
    for number, step in enumerate(reversed(range(len(times)))):
        prediction = draw.predict(latents, times[step], number / len(times))
        epsilon, channels = prediction[:, : latents.shape[1]], prediction[:, latents.shape[1] :]
        noise = draw.noise(step) if step else torch.zeros_like(latents)
        latents = ddpm_step(latents, epsilon, respaced, step, log_variance(respaced, step, channels), noise)
    return latents


@torch.no_grad()
def sample_ddim(draw: LatentDraw, schedule: NoiseSchedule, times: Sequence[int], eta: float) -> Tensor:
    """Returns standardised latents (B, D, h, w) after one implicit step for each of ``times``.

    The last step ends at the noise of time 0, as CompVis's does, and at none where it starts there.
    """
    kept, latents = schedule.alphas_cumprod, draw.noise("start")
    after = [kept[0].item() if times[0] else 1.0, *(kept[time].item() for time in times[:-1])]
    for number, step in enumerate(reversed(range(len(times)))):
        epsilon = draw.predict(latents, times[step], number / len(times))[:, : latents.shape[1]]
        noise = draw.noise(step) if eta else torch.zeros_like(latents)
        latents = ddim_step(latents, epsilon, kept[times[step]].item(), after[step], eta, noise)
    return latents


def ldm_sampler(prior: LatentPrior, config: LdmSamplingConfig, seed: int) -> Sampler:
    """Returns (labels (B,), sample indices) -> latents (B, D, h, w) of the tokenizer, float32.

    Raises:
        ValueError: more steps than the schedule has, or more guided channels than the latents have.
    """
    schedule, guidance = scaled_linear_schedule(), LatentGuidance.of(config, prior)
    spacing = strided_times if isinstance(config.method, DdimConfig) else spaced_times
    times = spacing(len(schedule), config.steps)

    def sample(labels: Tensor, indices: Sequence[int]) -> Tensor:
        draw = LatentDraw(prior, guidance, labels, indices, seed, "ldm")
        if isinstance(config.method, DdimConfig):
            return draw.finish(sample_ddim(draw, schedule, times, config.method.eta))
        return draw.finish(sample_ddpm(draw, schedule, times, small_log_variance))

    return sample


def dit_sampler(prior: Dit, config: DitSamplingConfig, seed: int) -> Sampler:
    """Returns (labels (B,), sample indices) -> latents (B, D, h, w) of the tokenizer, float32.

    Raises:
        ValueError: more steps than the schedule has, or more guided channels than the latents have.
    """
    schedule, guidance = linear_schedule(), LatentGuidance.of(config, prior)
    times = spaced_times(len(schedule), config.steps)

    def sample(labels: Tensor, indices: Sequence[int]) -> Tensor:
        draw = LatentDraw(prior, guidance, labels, indices, seed, "dit")
        return draw.finish(sample_ddpm(draw, schedule, times, ranged_log_variance))

    return sample
