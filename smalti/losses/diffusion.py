"""Losses of diffusion: the simple one, and the hybrid that learns variances too.

B batch, D channels; results are (B,), means over channels and positions, in float32 at least.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from smalti.priors.noise_schedule import NoiseSchedule, at


def mean_square(prediction: Tensor, target: Tensor) -> Tensor:
    """Returns the mean (B,) of the squared differences of (B, ...)."""
    dtype = torch.promote_types(prediction.dtype, torch.float32)
    return (prediction.to(dtype) - target.to(dtype)).square().flatten(1).mean(1)


def epsilon_loss(prediction: Tensor, noise: Tensor) -> Tensor:
    """Returns |noise - prediction|^2 (B,), the first D channels of the prediction against the noise (B, D, h, w) (DDPM
    eq. 14); 1 on average for a prediction of 0."""
    return mean_square(prediction[:, : noise.shape[1]], noise)


@dataclass(frozen=True)
class HybridLoss:
    """``simple`` (B,): the squared error of the noise; ``bound`` (B,): a term of the variational bound, in bits."""

    simple: Tensor
    bound: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimised (B,): their sum (Nichol & Dhariwal 2021, eq. 16).

        Their lambda of 0.001 is in it: it weighs the sum of 1,000 terms, and ``bound`` is one of them. DiT sums in the
        same way.
        """
        return self.simple + self.bound


def learned_log_variance(schedule: NoiseSchedule, times: Tensor, channels: Tensor) -> Tensor:
    """Returns the logarithm of the variance that ``channels`` (B, D, h, w) stand for: from the posterior's at -1 to
    beta at 1, in the logarithm (Nichol & Dhariwal 2021, eq. 15, with v = (channels + 1) / 2; ADM and DiT).

    Times (B,) int64 are counted by ``schedule``.
    """
    low, high = at(schedule.posterior_log_variance, times, channels), at(schedule.betas.log(), times, channels)
    share = (channels.to(low.dtype) + 1) / 2
    return share * high + (1 - share) * low


def hybrid_loss(prediction: Tensor, noise: Tensor, times: Tensor, schedule: NoiseSchedule) -> HybridLoss:
    """Returns the losses of a prediction (B, 2 D, h, w) of noise (B, D, h, w) and of the variance, at times (B,) int64
    (Nichol & Dhariwal 2021, section 3.1).

    The bound's term is the divergence of the network's step from the posterior, KL(q(x_t-1 | x_t, x_0) || p), and at
    the first time -ln p(x_0 | x_1). It moves the variance alone: the gradient stops at the mean. Both steps' means are
    linear in x_0, which is why their difference needs no latents: it is that of the noises times a number.

    At the first time DiT takes the likelihood of 8-bit pixels in [-1, 1], though its data are latents; here it is the
    density of the normal distribution.
    """
    dtype = torch.promote_types(prediction.dtype, torch.float32)
    epsilon, channels = prediction.to(dtype).chunk(2, dim=1)
    log_variance = learned_log_variance(schedule, times, channels)
    posterior = at(schedule.posterior_log_variance, times, channels)
    factor = at(schedule.data_coefficient * (1 / schedule.alphas_cumprod - 1).sqrt(), times, channels)
    error = (factor * (epsilon.detach() - noise)).square() / log_variance.exp()
    divergence = (log_variance - posterior - 1 + (posterior - log_variance).exp() + error) / 2
    surprise = (math.log(2 * math.pi) + log_variance + error) / 2
    first = (times == 0).view(-1, *[1] * (noise.ndim - 1))
    bound = torch.where(first, surprise, divergence).flatten(1).mean(1) / math.log(2)
    return HybridLoss(epsilon_loss(epsilon, noise), bound)
