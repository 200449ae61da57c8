"""Loss and sampler together: a small network learns a mixture of eight normal distributions in the plane."""

import math
from collections.abc import Callable

import pytest
import torch
from latents_support import labels_of
from torch import Tensor

from smalti.config.latent_priors import DitNetworkConfig, LatentSpace
from smalti.config.latent_sampling import DdimConfig, DitSamplingConfig, LdmSamplingConfig, SitSamplingConfig
from smalti.losses.diffusion import epsilon_loss, hybrid_loss
from smalti.losses.flow import interpolate, velocity_loss
from smalti.priors.dit import Dit
from smalti.priors.noise_schedule import linear_schedule, scaled_linear_schedule
from smalti.samplers.diffusion import dit_sampler, ldm_sampler
from smalti.samplers.flow import sit_sampler
from smalti.samplers.sampler import Sampler

BATCH, STEPS, NUM = 256, 700, 1000
LABELS = labels_of(BATCH)
LINEAR, SCALED = linear_schedule(), scaled_linear_schedule()


def mixture(num: int, generator: torch.Generator) -> Tensor:
    """Points (num, 2, 1, 1) around eight centres on a circle of radius 2."""
    angles = torch.randint(8, (num,), generator=generator) * math.pi / 4
    points = 2 * torch.stack([angles.cos(), angles.sin()], dim=1) + 0.15 * torch.randn(num, 2, generator=generator)
    return points[:, :, None, None]


def energy_distance(one: Tensor, other: Tensor) -> float:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| (Szekely & Rizzo 2013), 0 for equal distributions alone."""
    one, other = one.flatten(1), other.flatten(1)
    between, inside = torch.cdist(one, other).mean(), torch.cdist(one, one).mean() + torch.cdist(other, other).mean()
    return (2 * between - inside).item()


def ldm_loss(network: Dit, latents: Tensor, noise: Tensor, generator: torch.Generator) -> Tensor:
    times = torch.randint(1000, (BATCH,), generator=generator)
    return epsilon_loss(network(SCALED.add_noise(latents, noise, times), times.float(), LABELS), noise)


def dit_loss(network: Dit, latents: Tensor, noise: Tensor, generator: torch.Generator) -> Tensor:
    times = torch.randint(1000, (BATCH,), generator=generator)
    prediction = network(LINEAR.add_noise(latents, noise, times), times.float(), LABELS)
    return hybrid_loss(prediction, noise, times, LINEAR).total


def sit_loss(network: Dit, latents: Tensor, noise: Tensor, generator: torch.Generator) -> Tensor:
    times = torch.rand(BATCH, generator=generator)
    return velocity_loss(network(interpolate(latents, noise, times), times, LABELS), latents, noise)


Loss = Callable[[Dit, Tensor, Tensor, torch.Generator], Tensor]
SYSTEMS: dict[str, tuple[Loss, Callable[[Dit], Sampler]]] = {
    "ldm": (ldm_loss, lambda prior: ldm_sampler(prior, LdmSamplingConfig(method=DdimConfig(eta=0.0), steps=40), 0)),
    "dit": (dit_loss, lambda prior: dit_sampler(prior, DitSamplingConfig(steps=40), 0)),
    "sit": (sit_loss, lambda prior: sit_sampler(prior, SitSamplingConfig(steps=15), 0)),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_mixture_of_eight_is_learned(name: str) -> None:
    loss_of, sampler_of = SYSTEMS[name]
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    config = DitNetworkConfig(num_layers=1, num_heads=1, width=64, mlp_width=256, patch_size=1)
    network = Dit(config, LatentSpace(num_channels=2, grid=(1, 1), num_classes=0))
    data = mixture(20000, generator)
    network.set_statistics(data.mean((0, 2, 3)), data.std((0, 2, 3)))
    truth, untrained = mixture(NUM, generator), sampler_of(network)(labels_of(NUM), range(NUM))
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=STEPS)
    for _ in range(STEPS):
        latents = network.standardise(mixture(BATCH, generator))
        noise = torch.randn(latents.shape, generator=generator)
        optimizer.zero_grad()
        loss_of(network, latents, noise, generator).mean().backward()
        optimizer.step()
        schedule.step()
    samples = sampler_of(network)(labels_of(NUM), range(NUM))

    # Two draws of the mixture itself are 0.003 apart; from the normal of its mean and variance it is 0.08.
    normal = network.restore(torch.randn(NUM, 2, 1, 1, generator=generator))
    assert energy_distance(samples, truth) < 0.03 < 0.07 < energy_distance(normal, truth)
    assert energy_distance(untrained, truth) > 0.07
    angles = torch.atan2(samples[:, 1], samples[:, 0]).flatten()
    near = (angles / (math.pi / 4)).round().long() % 8
    assert (near.bincount(minlength=8) > 0.07 * NUM).all(), "a centre is missing"
