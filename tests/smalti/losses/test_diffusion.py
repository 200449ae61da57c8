"""Losses of diffusion against distributions of PyTorch."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from smalti.losses.diffusion import epsilon_loss, hybrid_loss, learned_log_variance
from smalti.priors.noise_schedule import linear_schedule

SCHEDULE = linear_schedule()


def test_the_first_loss_is_one() -> None:
    """At a prediction of zero: of the noise alone, and with the variance's term too."""
    torch.manual_seed(0)
    noise, times = torch.randn(2000, 8, 4, 4), torch.randint(1000, (2000,))
    assert epsilon_loss(torch.zeros_like(noise), noise).mean().item() == pytest.approx(1, rel=0.02)
    found = hybrid_loss(torch.zeros(2000, 16, 4, 4), noise, times, SCHEDULE)
    assert found.simple.mean().item() == pytest.approx(1, rel=0.02)
    assert found.total.mean().item() == pytest.approx(1, rel=0.02)
    assert torch.equal(found.total, found.simple + found.bound)


def test_only_the_first_channels_predict_noise() -> None:
    noise = torch.randn(3, 2, 2, 2)
    assert (epsilon_loss(torch.cat([noise, torch.full_like(noise, 9)], 1), noise) == 0).all()
    assert epsilon_loss(noise.bfloat16(), noise).dtype == torch.float32


def test_variances_reach_from_the_posterior_to_beta() -> None:
    times, one = torch.tensor([3, 900]), torch.ones(2, 1, 1, 1, dtype=torch.float64)
    low, high, half = (learned_log_variance(SCHEDULE, times, sign * one).flatten() for sign in (-1, 1, 0))
    torch.testing.assert_close(low, SCHEDULE.posterior_variance[times].log())
    torch.testing.assert_close(high, SCHEDULE.betas[times].log())
    torch.testing.assert_close(half, (low + high) / 2)


def test_the_bound_is_the_divergence_of_the_step_from_the_posterior() -> None:
    """From x_0, x_t and the densities of PyTorch (DDPM eq. 5 and 7), in bits."""
    torch.manual_seed(0)
    times = torch.tensor([0, 1, 2, 499, 999])
    latents, noise, epsilon, channels = torch.randn(4, 5, 2, 3, 3, dtype=torch.float64)
    noisy = SCHEDULE.add_noise(latents, noise, times)
    found = hybrid_loss(torch.cat([epsilon, channels], dim=1), noise, times, SCHEDULE)
    betas, kept = SCHEDULE.betas, torch.cumprod(1 - SCHEDULE.betas, 0)
    for row, t in enumerate(times.tolist()):
        before = kept[t - 1] if t else torch.tensor(1.0, dtype=torch.float64)
        predicted = (noisy[row] - (1 - kept[t]).sqrt() * epsilon[row]) / kept[t].sqrt()

        def mean(data: torch.Tensor, t: int = t, row: int = row, before: torch.Tensor = before) -> torch.Tensor:
            of_data = before.sqrt() * betas[t] / (1 - kept[t]) * data
            return of_data + (1 - betas[t]).sqrt() * (1 - before) / (1 - kept[t]) * noisy[row]

        small = (1 - kept[max(t, 1) - 1]) / (1 - kept[max(t, 1)]) * betas[max(t, 1)]
        share = (channels[row] + 1) / 2
        step = Normal(mean(predicted), (share * betas[t].log() + (1 - share) * small.log()).exp().sqrt())
        if t:
            expected = kl_divergence(Normal(mean(latents[row]), small.sqrt()), step).mean()
        else:
            expected = -step.log_prob(latents[row]).mean()
        assert found.bound[row].item() == pytest.approx(expected.item() / math.log(2), rel=1e-6)
        assert found.simple[row].item() == pytest.approx((epsilon - noise)[row].square().mean().item())


def test_the_bound_moves_the_variance_alone() -> None:
    torch.manual_seed(0)
    prediction, noise = torch.randn(4, 4, 2, 2, requires_grad=True), torch.randn(4, 2, 2, 2)
    found = hybrid_loss(prediction, noise, torch.tensor([0, 1, 10, 999]), SCHEDULE)
    (bound,) = torch.autograd.grad(found.bound.sum(), prediction, retain_graph=True)
    (simple,) = torch.autograd.grad(found.simple.sum(), prediction)
    assert (bound[:, :2] == 0).all() and (bound[:, 2:] != 0).all()
    assert (simple[:, :2] != 0).all() and (simple[:, 2:] == 0).all()
