"""Noise schedules against diffusers' and against the papers' formulas."""

import math

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from smalti.priors.noise_schedule import NoiseSchedule, linear_schedule, scaled_linear_schedule

THEIRS = {
    "linear": (linear_schedule, {"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02}),
    "scaled": (scaled_linear_schedule, {"beta_schedule": "scaled_linear", "beta_start": 0.0015, "beta_end": 0.0195}),
}


@pytest.mark.parametrize("name", THEIRS)
def test_schedules_are_those_of_diffusers(name: str) -> None:
    ours, theirs = THEIRS[name][0](), DDPMScheduler(**THEIRS[name][1])
    assert len(ours) == 1000 and ours.betas.dtype == ours.alphas_cumprod.dtype == torch.float64
    for found, expected in ((ours.betas, theirs.betas), (ours.alphas_cumprod, theirs.alphas_cumprod)):
        torch.testing.assert_close(found, expected.double(), rtol=2e-5, atol=1e-9)  # theirs are float32
    torch.manual_seed(0)
    latents, noise = torch.randn(2, 5, 2, 3, 3, dtype=torch.float64)
    times = torch.tensor([0, 1, 500, 998, 999])
    theirs.alphas_cumprod = ours.alphas_cumprod
    torch.testing.assert_close(ours.add_noise(latents, noise, times), theirs.add_noise(latents, noise, times))


def test_the_posterior_is_that_of_bayes() -> None:
    """q(x_t-1 | x_t, x_0) from the product of the two normal densities q(x_t | x_t-1) q(x_t-1 | x_0)."""
    schedule = linear_schedule()
    for t in (1, 2, 500, 999):
        beta, before = schedule.betas[t].item(), np.prod(1 - schedule.betas[:t].numpy())
        precision = (1 - beta) / beta + 1 / (1 - before)
        assert schedule.posterior_variance[t].item() == pytest.approx(1 / precision, rel=1e-9)
        assert schedule.posterior_log_variance[t].item() == pytest.approx(-math.log(precision), rel=1e-9)
        of_noisy, of_data = math.sqrt(1 - beta) / beta / precision, math.sqrt(before) / (1 - before) / precision
        assert schedule.noisy_coefficient[t].item() == pytest.approx(of_noisy, rel=1e-9)
        assert schedule.data_coefficient[t].item() == pytest.approx(of_data, rel=1e-9)
    assert schedule.posterior_variance[0] == 0
    assert schedule.posterior_log_variance[0] == schedule.posterior_log_variance[1]
    assert schedule.data_coefficient[0] == pytest.approx(1) and schedule.noisy_coefficient[0] == 0


def test_a_respaced_schedule_has_as_much_noise_at_its_times() -> None:
    full, times = linear_schedule(), [0, 3, 400, 999]
    respaced = full.respaced(times)
    torch.testing.assert_close(respaced.alphas_cumprod, full.alphas_cumprod[times], rtol=1e-12, atol=0)
    torch.testing.assert_close(full.respaced(range(1000)).betas, full.betas, rtol=1e-9, atol=0)


def test_noise_is_added_in_float32_at_least() -> None:
    schedule = NoiseSchedule(torch.tensor([0.1, 0.5], dtype=torch.float64))
    found = schedule.add_noise(torch.ones(1, 1).half(), torch.zeros(1, 1).half(), torch.tensor([1]))
    assert found.dtype == torch.float32 and found.item() == pytest.approx(math.sqrt(0.9 * 0.5))
