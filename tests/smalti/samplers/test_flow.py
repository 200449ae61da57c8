"""Euler and Heun against the flow between normal distributions, which is known exactly."""

import pytest
import torch
from latents_support import Known, labels_of

from smalti.config.latent_priors import LatentSpace
from smalti.config.latent_sampling import SitSamplingConfig
from smalti.samplers.flow import euler_step, heun_step, sit_sampler
from smalti.samplers.noise import normal

SPACE = LatentSpace(num_channels=2, grid=(2, 2), num_classes=0)
MEAN, STD, NUM = 0.7, 0.4, 2000


def exact_velocity(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """E[x_1 - x_0 | x_t] where data x_1 are N(m, s^2) and noise x_0 N(0, 1): the regression of one normal on another.

    The flow that it drives takes z to m + s z.
    """
    variance = (1 - t) ** 2 + t**2 * STD**2
    return MEAN + (t * STD**2 - (1 - t)) / variance * (x - t * MEAN)


def drawn(method: str, steps: int, num: int = NUM) -> torch.Tensor:
    prior = Known(SPACE, exact_velocity).double()
    config = SitSamplingConfig(method=method, steps=steps)  # type: ignore[arg-type]
    found = sit_sampler(prior, config, 3)(labels_of(num), range(num))
    assert len(prior.rows) == config.num_forwards
    return found


@pytest.mark.parametrize(("method", "steps"), [("euler", 250), ("heun", 125)])
def test_normal_data_come_back(method: str, steps: int) -> None:
    """Within three standard errors."""
    found = drawn(method, steps).flatten().double()
    assert found.mean().item() == pytest.approx(MEAN, abs=3 * STD / len(found) ** 0.5)
    assert found.var().item() == pytest.approx(STD**2, abs=3 * STD**2 * (2 / len(found)) ** 0.5)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("heun", 2)])
def test_half_the_step_divides_the_error_by_two_to_its_order(method: str, order: int) -> None:
    exact = MEAN + STD * normal(3, range(20), (2, 2, 2), "sit start")
    coarse, fine = ((drawn(method, steps, 20) - exact).abs().max().item() for steps in (20, 40))
    assert coarse / fine == pytest.approx(2**order, rel=0.15)


def test_steps_are_those_of_their_formulas() -> None:
    """On dx/dt = x t from x = 2 at t = 0.5, with steps of 0.1."""

    def velocity(x: torch.Tensor, time: float) -> torch.Tensor:
        return x * time

    start = torch.tensor(2.0, dtype=torch.float64)
    assert euler_step(velocity, start, 0.5, 0.1).item() == pytest.approx(2 + 0.1 * 1)
    assert heun_step(velocity, start, 0.5, 0.1).item() == pytest.approx(2 + 0.1 * (1 + 2.1 * 0.6) / 2)


def test_the_variance_channels_of_the_network_are_left_out() -> None:
    prior = Known(SPACE, lambda x, t, y: torch.cat([exact_velocity(x, t, y), torch.full_like(x, 9)], dim=1)).double()
    found = sit_sampler(prior, SitSamplingConfig(method="euler", steps=10), 3)(labels_of(5), range(5))
    torch.testing.assert_close(found, drawn("euler", 10, 5))


def test_times_of_the_network_run_from_noise_to_data() -> None:
    seen: list[float] = []

    def answer(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        seen.append(t.flatten()[0].item())
        return torch.zeros_like(x)

    for method, expected in (("euler", [0, 0.25, 0.5, 0.75]), ("heun", [0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1])):
        seen.clear()
        config = SitSamplingConfig(method=method, steps=4)  # type: ignore[arg-type]
        sit_sampler(Known(SPACE, answer), config, 0)(labels_of(1), [0])
        assert seen == expected
