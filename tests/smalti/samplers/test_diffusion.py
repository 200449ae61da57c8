"""DDPM and DDIM against diffusers' schedulers, and where the data are normal against the exact answer."""

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from latents_support import Known, labels_of

from smalti.config.latent_priors import LatentSpace
from smalti.config.latent_sampling import DdimConfig, DdpmConfig, DitSamplingConfig, LdmSamplingConfig
from smalti.config.parsing import ConfigError, parse_value
from smalti.priors.noise_schedule import linear_schedule, scaled_linear_schedule
from smalti.samplers.diffusion import (
    ddim_step,
    ddpm_step,
    dit_sampler,
    ldm_sampler,
    ranged_log_variance,
    small_log_variance,
    spaced_times,
    strided_times,
)
from smalti.samplers.noise import normal

LINEAR = {"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02, "clip_sample": False}
SCALED = {"beta_schedule": "scaled_linear", "beta_start": 0.0015, "beta_end": 0.0195, "clip_sample": False}
SPACE = LatentSpace(num_channels=2, grid=(3, 3), num_classes=4)


def released_space_timesteps(size: int, count: int) -> list[int]:
    """The loop of improved diffusion for one section."""
    stride, place, taken = (size - 1) / (count - 1), 0.0, []
    for _ in range(count):
        taken.append(round(place))
        place += stride
    return taken


@pytest.mark.parametrize("steps", [2, 10, 50, 100, 250, 999, 1000])
def test_times_are_spaced_as_released(steps: int) -> None:
    assert spaced_times(1000, steps) == released_space_timesteps(1000, steps)


def test_one_step_starts_from_noise() -> None:
    assert spaced_times(1000, 1) == [999] and strided_times(1000, 1) == [1]


@pytest.mark.parametrize("steps", [5, 50, 200, 250, 500])
def test_ddims_times_are_those_of_compvis(steps: int) -> None:
    assert strided_times(1000, steps) == [time + 1 for time in range(0, 1000, 1000 // steps)]


@pytest.mark.parametrize("steps", range(2, 1001, 7))
def test_any_number_of_steps_rises_inside_the_schedule(steps: int) -> None:
    for times in (spaced_times(1000, steps), strided_times(1000, steps)):
        assert len(set(times)) == steps and times == sorted(times) and times[0] >= 0 and times[-1] <= 999


@pytest.mark.parametrize("steps", [0, 1001])
def test_more_steps_than_times_are_refused(steps: int) -> None:
    for spacing in (spaced_times, strided_times):
        with pytest.raises(ValueError, match=f"{steps} steps: the noise schedule has 1000; give 1 to 1000"):
            spacing(1000, steps)
    with pytest.raises(ConfigError, match=f"steps: {steps} given, expected a whole number from 1 to 1000"):
        parse_value(DitSamplingConfig, {"steps": steps}, "samples.yaml")


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_a_ddim_step_is_that_of_diffusers(eta: float) -> None:
    schedule, peer, times = (
        scaled_linear_schedule(),
        DDIMScheduler(**SCALED, set_alpha_to_one=False, steps_offset=1),
        [],
    )
    peer.set_timesteps(200)
    times = strided_times(1000, 200)
    assert peer.timesteps.tolist() == times[::-1]
    peer.alphas_cumprod, peer.final_alpha_cumprod = schedule.alphas_cumprod, schedule.alphas_cumprod[0]
    torch.manual_seed(0)
    noisy, epsilon, noise = torch.randn(3, 2, 2, 3, 3, dtype=torch.float64)
    for number in (0, 1, 100, 199):
        expected = peer.step(epsilon, times[number], noisy, eta=eta, variance_noise=noise).prev_sample
        kept, after = (
            schedule.alphas_cumprod[time].item() for time in (times[number], times[number - 1] if number else 0)
        )
        found = ddim_step(noisy, epsilon, kept, after, eta, noise)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("learned", [False, True])
def test_a_ddpm_step_is_that_of_diffusers(learned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    full, times = linear_schedule(), spaced_times(1000, 250)
    peer = DDPMScheduler(**LINEAR, variance_type="learned_range" if learned else "fixed_small")
    peer.set_timesteps(timesteps=times[::-1])
    peer.alphas_cumprod, schedule = full.alphas_cumprod, full.respaced(times)
    torch.manual_seed(0)
    noisy, epsilon, channels, noise = torch.randn(4, 2, 2, 3, 3, dtype=torch.float64)
    monkeypatch.setattr("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, **__: noise)
    for step in (0, 1, 100, 249):
        prediction = torch.cat([epsilon, channels], dim=1) if learned else epsilon
        expected = peer.step(prediction, times[step], noisy).prev_sample
        log_variance = (ranged_log_variance if learned else small_log_variance)(schedule, step, channels)
        found = ddpm_step(noisy, epsilon, schedule, step, log_variance, noise)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", [DdimConfig(eta=0.0), DdimConfig(), DdpmConfig()], ids=["eta 0", "eta 1", "ddpm"])
def test_the_ldm_sampler_is_diffusers_loop(method: DdimConfig | DdpmConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole run with the same noise, and the statistics of the latents put back at the end."""

    def answer(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 0.3 * x + t / 1000

    prior, config = Known(SPACE, answer).double(), LdmSamplingConfig(method=method, steps=20)
    prior.set_statistics(torch.tensor([1.0, -2.0]), torch.tensor([2.0, 0.5]))
    found = ldm_sampler(prior, config, 5)(labels_of(3), [4, 5, 6])
    assert found.dtype == torch.float32 and len(prior.rows) == config.num_forwards

    schedule, latents = scaled_linear_schedule(), normal(5, [4, 5, 6], (2, 3, 3), "ldm start")
    if isinstance(method, DdimConfig):
        peer = DDIMScheduler(**SCALED, set_alpha_to_one=False, steps_offset=1)
        peer.final_alpha_cumprod = schedule.alphas_cumprod[0]
        peer.set_timesteps(20)
    else:
        peer = DDPMScheduler(**SCALED, variance_type="fixed_small")
        peer.set_timesteps(timesteps=spaced_times(1000, 20)[::-1])
    peer.alphas_cumprod = schedule.alphas_cumprod
    for step, time in zip(reversed(range(20)), peer.timesteps.tolist(), strict=True):
        noise = normal(5, [4, 5, 6], (2, 3, 3), f"ldm {step}")
        monkeypatch.setattr("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, noise=noise, **__: noise)
        given = {"eta": method.eta, "variance_noise": noise} if isinstance(method, DdimConfig) else {}
        latents = peer.step(answer(latents, time, labels_of(3)), time, latents, **given).prev_sample  # type: ignore[arg-type]
    scale, shift = torch.tensor([2.0, 0.5])[:, None, None], torch.tensor([1.0, -2.0])[:, None, None]
    torch.testing.assert_close(found, (latents * scale + shift).float(), rtol=1e-6, atol=1e-6)


MEAN, STD, NUM = 0.7, 0.6, 2000
NORMAL = LatentSpace(num_channels=2, grid=(2, 2), num_classes=0)


def exact_epsilon(kept: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """E[noise | x_t] where data are N(m, s^2): the regression of one normal variable on another."""
    return (1 - kept).sqrt() * (x - kept.sqrt() * MEAN) / (kept * STD**2 + 1 - kept)


def are_the_data(found: torch.Tensor) -> None:
    """Mean and variance within three standard errors."""
    found = found.flatten().double()
    assert found.mean().item() == pytest.approx(MEAN, abs=3 * STD / len(found) ** 0.5)
    assert found.var().item() == pytest.approx(STD**2, abs=3 * STD**2 * (2 / len(found)) ** 0.5)


def test_normal_data_come_back_without_noise() -> None:
    kept = scaled_linear_schedule().alphas_cumprod
    prior = Known(NORMAL, lambda x, t, y: exact_epsilon(kept[t.long()], x)).double()
    are_the_data(ldm_sampler(prior, LdmSamplingConfig(method=DdimConfig(eta=0.0)), 0)(labels_of(NUM), range(NUM)))


def test_normal_data_come_back_with_the_exact_variance() -> None:
    """In eight steps, since then a step draws from the exact q(x_s | x_t), which is normal here.

    Its variance is V_s beta / V_t, where V_t is that of x_t; the network names it as a share of the way from the small
    variance to beta, in logarithms.
    """
    times = spaced_times(1000, 8)
    kept = linear_schedule().alphas_cumprod[times]
    before = torch.cat([torch.ones(1, dtype=torch.float64), kept[:-1]])
    beta, total, total_before = 1 - kept / before, kept * STD**2 + 1 - kept, before * STD**2 + 1 - before
    small = (beta * (1 - before) / (1 - kept)).log()
    share = ((total_before * beta / total).log() - small) / (beta.log() - small)
    assert share[1:].min() > 0 and share[1:].max() < 1

    def answer(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        step = torch.tensor([times.index(int(time)) for time in t.flatten()])[:, None, None, None]
        variance = torch.where(step > 0, 2 * share[step] - 1, 0)
        return torch.cat([exact_epsilon(kept[step], x), variance.expand_as(x)], dim=1)

    prior = Known(NORMAL, answer).double()
    are_the_data(dit_sampler(prior, DitSamplingConfig(steps=8), 0)(labels_of(NUM), range(NUM)))  # type: ignore[arg-type]
