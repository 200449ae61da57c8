"""The flow's path and loss."""

import pytest
import torch

from smalti.losses.flow import interpolate, velocity_loss


def test_the_first_loss_is_two() -> None:
    torch.manual_seed(0)
    latents, noise = torch.randn(2, 2000, 8, 4, 4)
    assert velocity_loss(torch.zeros(2000, 16, 4, 4), latents, noise).mean().item() == pytest.approx(2, rel=0.02)


def test_the_velocity_is_the_derivative_of_the_path() -> None:
    torch.manual_seed(0)
    latents, noise = torch.randn(2, 5, 3, 2, 2, dtype=torch.float64)
    times, small = torch.rand(5, dtype=torch.float64), 1e-6
    slope = (interpolate(latents, noise, times + small) - interpolate(latents, noise, times - small)) / (2 * small)
    assert velocity_loss(slope, latents, noise).max().item() < 1e-16
    assert torch.equal(interpolate(latents, noise, torch.zeros(5)), noise)
    assert torch.equal(interpolate(latents, noise, torch.ones(5)), latents)
    assert interpolate(latents.half(), noise.float(), times.float()).dtype == torch.float32
