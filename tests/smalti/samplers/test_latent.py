"""What the samplers of latents share: guidance, and samples that depend on (seed, index, label) alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from latents_support import Known, labels_of

from smalti.config.latent_priors import DitNetworkConfig, LatentSpace, UnetNetworkConfig
from smalti.config.latent_sampling import (
    DdimConfig,
    DdpmConfig,
    DitSamplingConfig,
    LatentSamplingConfig,
    LdmSamplingConfig,
    SitSamplingConfig,
)
from smalti.config.parsing import parse_value, plain
from smalti.config.sampling import GuidanceConfig
from smalti.priors.dit import Dit
from smalti.priors.latent import LatentPrior
from smalti.priors.unet import LatentUnet
from smalti.samplers.diffusion import dit_sampler, ldm_sampler
from smalti.samplers.flow import sit_sampler

SPACE = LatentSpace(num_channels=4, grid=(2, 2), num_classes=3)
SAMPLERS: dict[type[LatentSamplingConfig], Any] = {
    LdmSamplingConfig: ldm_sampler,
    DitSamplingConfig: dit_sampler,
    SitSamplingConfig: sit_sampler,
}
SETTINGS: dict[str, LatentSamplingConfig] = {
    "ddim": LdmSamplingConfig(steps=3),
    "ddim of eta 0": LdmSamplingConfig(method=DdimConfig(eta=0.0), steps=3),
    "ddpm": LdmSamplingConfig(method=DdpmConfig(), steps=3),
    "learned variance": DitSamplingConfig(steps=3),
    "euler": SitSamplingConfig(method="euler", steps=3),
    "heun": SitSamplingConfig(steps=3),
}
every_sampler = pytest.mark.parametrize("name", SETTINGS)


def drawn(
    prior: LatentPrior, config: LatentSamplingConfig, labels: Sequence[int], indices: Sequence[int], seed: int = 7
) -> Any:
    return SAMPLERS[type(config)](prior, config, seed)(torch.tensor(labels), indices)


def network(name: str) -> LatentPrior:
    """A network with weights that matter, in float64."""
    prior: LatentPrior
    if name == "ddim":
        shape = {"width": 8, "multipliers": (1,), "num_blocks": 1, "head_width": 4, "context_width": 8, "num_groups": 4}
        prior = LatentUnet(UnetNetworkConfig(**shape), SPACE)  # type: ignore[arg-type]
    else:
        prior = Dit(DitNetworkConfig(num_layers=1, num_heads=2, width=8, mlp_width=16, patch_size=1), SPACE)
    torch.manual_seed(0)
    for parameter in prior.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    prior.set_statistics(torch.tensor([0.5, -1, 2, 0]), torch.tensor([1.0, 2, 3, 0.5]))
    return prior.double().eval()


@every_sampler
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_a_sample_is_a_function_of_label_seed_and_index(name: str, scale: float) -> None:
    """Any batch, any rank's share of the indices: the same latents bit for bit, with a network in float64."""
    prior, config = network(name), replace(SETTINGS[name], guidance=GuidanceConfig(scale=(scale,)))
    indices = [0, 1, 2, 3, 4, 5, 6]
    labels = [index % 4 for index in indices]
    whole = drawn(prior, config, labels, indices)
    assert whole.shape == (7, 4, 2, 2) and whole.dtype == torch.float32 and whole.isfinite().all()
    for part in ([3], [0, 2, 4, 6], [5, 3, 1]):
        assert torch.equal(drawn(prior, config, [labels[i] for i in part], part), whole[part])
    for other in (drawn(prior, config, labels, indices, seed=8), drawn(prior, config, [*labels[1:], 0], indices)):
        assert not torch.equal(other[0], whole[0])
    assert len(whole[::4].flatten(1).unique(dim=0)) == 2, "samples of one class are alike"


@every_sampler
def test_guidance_of_one_is_the_conditional_model_alone(name: str) -> None:
    prior = network(name)
    found = [
        drawn(prior, replace(SETTINGS[name], guidance=GuidanceConfig(scale=(scale,))), [0, 1], [0, 1])
        for scale in (1.0, 1 + 1e-9, 3.0)
    ]
    torch.testing.assert_close(found[0], found[1])
    assert not torch.allclose(found[0], found[2], atol=1e-3)


def by_label(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A prediction of 1 for class 0 and 0.25 for "no class", in all channels, those of the variance included."""
    value = torch.where(y == 3, 0.25, 1.0).to(x)[:, None, None, None]
    return value.expand(-1, 2 * x.shape[1], *x.shape[2:])


@pytest.mark.parametrize("guided_channels", [None, 3, 1])
def test_guidance_moves_the_first_channels(guided_channels: int | None) -> None:
    """One Euler step from t = 0 adds the velocity: u + s (c - u) in the guided channels, c in the others."""
    settings = SitSamplingConfig(method="euler", steps=1, guided_channels=guided_channels)
    prior = Known(SPACE, by_label)
    rest = drawn(Known(SPACE, lambda x, t, y: 0 * x), settings, [0], [0])
    found = drawn(prior, replace(settings, guidance=GuidanceConfig(scale=(3.0,))), [0], [0]) - rest
    expected = [0.25 + 3 * 0.75] * (guided_channels or 4) + [1.0] * (4 - (guided_channels or 4))
    torch.testing.assert_close(found.mean((0, 2, 3)), torch.tensor(expected))
    assert prior.rows == [2], "both in one batch"


def test_the_variance_is_the_conditional_models() -> None:
    """Where only the variance's channels know the class, guidance changes nothing."""

    def answer(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.cat([0.1 * x, by_label(x, t, y)[:, :4]], dim=1)

    config = DitSamplingConfig(steps=4)
    guided = replace(config, guidance=GuidanceConfig(scale=(5.0,)))
    conditional = drawn(Known(SPACE, answer).double(), config, [0, 0], [0, 1])
    torch.testing.assert_close(drawn(Known(SPACE, answer).double(), guided, [0, 0], [0, 1]), conditional)
    assert not torch.allclose(drawn(Known(SPACE, answer).double(), config, [3, 3], [0, 1]), conditional)


@pytest.mark.parametrize("name", ["ddim", "ddpm", "learned variance", "euler", "heun"])
def test_outside_the_interval_the_conditional_model_runs_alone(name: str) -> None:
    steps = 4
    settings = replace(SETTINGS[name], steps=steps, guidance=GuidanceConfig(scale=(2.0,), interval=(0.25, 0.75)))  # type: ignore[call-arg]
    prior = Known(SPACE, by_label)
    drawn(prior, settings, [0], [0])
    forwards = settings.num_forwards // steps
    assert prior.rows == [rows for rows in (1, 2, 2, 1) for _ in range(forwards)]


def test_a_network_without_classes_samples_no_class() -> None:
    space = replace(SPACE, num_classes=0)
    prior = Dit(DitNetworkConfig(num_layers=1, num_heads=2, width=8, mlp_width=16), space)
    found = sit_sampler(prior, SitSamplingConfig(steps=2), 0)(labels_of(2), [0, 1])
    assert found.shape == (2, 4, 2, 2)


@every_sampler
def test_more_guided_channels_than_there_are_are_refused(name: str) -> None:
    config = replace(SETTINGS[name], guided_channels=5)
    with pytest.raises(ValueError, match="guided_channels 5: the latents have 4 channels; give at most as many"):
        drawn(network(name), config, [0], [0])


@every_sampler
def test_settings_are_read_back(name: str) -> None:
    config = replace(SETTINGS[name], quantise=False, guided_channels=3)
    assert parse_value(type(config), plain(config), "config.json") == config
    assert type(config)().quantise and type(config)().guided_channels is None


@every_sampler
def test_latents_that_overflow_are_not_handed_on(name: str) -> None:
    """Quantised, they would all be one code."""
    config = replace(SETTINGS[name], guidance=GuidanceConfig(scale=(1e300,)))
    with pytest.raises(ValueError, match="the latents that the prior drew aren't finite"):
        drawn(Known(SPACE, by_label), config, [0, 1], [0, 1])


def test_latents_have_one_scale() -> None:
    """They are no books; two scales are refused."""
    config = SitSamplingConfig(guidance=GuidanceConfig(scale=(2.0, 3.0)))
    prior = Known(SPACE, lambda latents, time, labels: latents)
    with pytest.raises(ValueError, match=r"guidance\.scale \[2\.0, 3\.0\]: give one number"):
        sit_sampler(prior, config, 7)
