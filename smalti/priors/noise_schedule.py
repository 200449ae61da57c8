"""Noise schedules of diffusion (Ho et al. 2020, section 2): how much noise there is at each time t.

Times count from 0, one less than in the papers. Everything is float64; T times.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class NoiseSchedule:
    """``betas`` (T,) float64: the variance of the noise that each time adds. Everything else follows from them."""

    betas: Tensor

    def __len__(self) -> int:
        return len(self.betas)

    def to(self, device: str | torch.device) -> "NoiseSchedule":
        """Returns the same schedule on ``device``."""
        return NoiseSchedule(self.betas.to(device))

    @functools.cached_property
    def alphas_cumprod(self) -> Tensor:
        """Share of the data's variance that is left at each time: prod_s<=t (1 - beta_s)."""
        return (1 - self.betas).cumprod(0)

    @functools.cached_property
    def alphas_cumprod_previous(self) -> Tensor:
        """The same one time earlier; 1 before the first."""
        return torch.cat([self.alphas_cumprod.new_ones(1), self.alphas_cumprod[:-1]])

    @functools.cached_property
    def posterior_variance(self) -> Tensor:
        """Variance of q(x_t-1 | x_t, x_0) (DDPM eq. 7); 0 at the first time. The small of DDPM's two variances."""
        return self.betas * (1 - self.alphas_cumprod_previous) / (1 - self.alphas_cumprod)

    @functools.cached_property
    def posterior_log_variance(self) -> Tensor:
        """Its logarithm; at the first time that of the second, as released, since ln 0 isn't a number."""
        variance = self.posterior_variance
        return torch.cat([variance[1:2] if len(variance) > 1 else self.betas[:1], variance[1:]]).log()

    @functools.cached_property
    def data_coefficient(self) -> Tensor:
        """What x_0 is multiplied by in the mean of q(x_t-1 | x_t, x_0) (DDPM eq. 7)."""
        return self.betas * self.alphas_cumprod_previous.sqrt() / (1 - self.alphas_cumprod)

    @functools.cached_property
    def noisy_coefficient(self) -> Tensor:
        """What x_t is multiplied by in it."""
        return (1 - self.alphas_cumprod_previous) * (1 - self.betas).sqrt() / (1 - self.alphas_cumprod)

    def respaced(self, times: Sequence[int]) -> "NoiseSchedule":
        """Returns the schedule of these ``times`` alone, rising, with as much noise at each as before (Nichol &
        Dhariwal 2021, section 4): beta = 1 - abar_t / abar_s, where s is the time kept before t."""
        kept = self.alphas_cumprod[list(times)]
        return NoiseSchedule(1 - kept / torch.cat([kept.new_ones(1), kept[:-1]]))

    def add_noise(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Returns x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise (DDPM eq. 4).

        Latents and noise (B, ...), times (B,) int64 in [0, T).
        """
        kept = at(self.alphas_cumprod, times, latents)
        return kept.sqrt() * latents + (1 - kept).sqrt() * noise


def at(values: Tensor, times: Tensor, like: Tensor) -> Tensor:
    """Returns ``values`` (T,) at times (B,), as (B, 1, ...) that multiply ``like`` (B, ...), in its type, at least
    float32."""
    found = values.to(times.device)[times].to(torch.promote_types(like.dtype, torch.float32))
    return found.view(-1, *[1] * (like.ndim - 1))


def linear_schedule(num_times: int = 1000) -> NoiseSchedule:
    """Returns betas that rise linearly from 1e-4 to 0.02 (DDPM section 4; ADM, DiT).

    >>> schedule = linear_schedule()
    >>> len(schedule), round(schedule.alphas_cumprod[-1].item(), 7)
    (1000, 4.04e-05)
    """
    return NoiseSchedule(torch.linspace(1e-4, 0.02, num_times, dtype=torch.float64))


def scaled_linear_schedule(num_times: int = 1000) -> NoiseSchedule:
    """Returns betas from 0.0015 to 0.0195 whose square roots rise linearly (LDM, which calls it linear)."""
    return NoiseSchedule(torch.linspace(0.0015**0.5, 0.0195**0.5, num_times, dtype=torch.float64) ** 2)
