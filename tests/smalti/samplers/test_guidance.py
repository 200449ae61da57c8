"""The interval of guidance, for every prior."""

import pytest
import torch

from smalti.config.parsing import ConfigError, parse_value, plain
from smalti.config.priors import ArPriorNetworkConfig, NarPriorNetworkConfig, TransformerConfig
from smalti.config.sampling import ArSamplingConfig, GuidanceConfig, NarSamplingConfig
from smalti.priors.causal import CausalPrior
from smalti.priors.masked import MaskedPrior
from smalti.samplers.causal import causal_sampler
from smalti.samplers.guidance import Guidance, guidance_for
from smalti.samplers.masked import masked_sampler

GPT = TransformerConfig(num_layers=1, num_heads=2, width=16, mlp_width=32, dropout=0.0)
LABELS, INDICES = torch.tensor([0, 1, 2, 0, 1, 2]), range(6)


@pytest.mark.parametrize("form", ["constant", "linear", "linear_unmasked", "power_cosine"])
def test_outside_the_interval_the_scale_is_one(form) -> None:  # type: ignore[no-untyped-def]
    everywhere = Guidance((3.0,), form)
    for low, high in ((0.0, 0.5), (0.25, 0.75), (0.5, 1.0), (0.0, 1.0)):
        some = Guidance((3.0,), form, interval=(low, high))
        for step in range(9):
            ratio = step / 8
            inside = low <= ratio < high or (ratio == high == 1)
            assert some.scale(0, ratio, 0.4) == (everywhere.scale(0, ratio, 0.4) if inside else 1)


def test_the_recipes_interval_is_taken() -> None:
    config = GuidanceConfig(scale=(1.5,), parameter="w", form="linear", power=2.0, interval=(0.25, 0.5))
    assert guidance_for(config, 1) == Guidance((2.5,), "linear", 2.0, (0.25, 0.5))


def causal_tokens(guidance: GuidanceConfig) -> torch.Tensor:
    torch.manual_seed(0)
    prior = filled(CausalPrior(ArPriorNetworkConfig(transformer=GPT), 1, 11, 9, 3))
    return causal_sampler(prior, ArSamplingConfig(guidance=guidance), 7)(LABELS, INDICES)


def masked_tokens(guidance: GuidanceConfig) -> torch.Tensor:
    torch.manual_seed(0)
    prior = filled(MaskedPrior(NarPriorNetworkConfig(transformer=GPT), 1, 11, 9, 3))
    return masked_sampler(prior, NarSamplingConfig(steps=4, guidance=guidance), 7)(LABELS, INDICES)


def filled(prior):  # type: ignore[no-untyped-def]
    for parameter in prior.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return prior.double().eval()


def test_ar_tokens_before_the_interval_are_unguided() -> None:
    plain_tokens, guided = causal_tokens(GuidanceConfig()), causal_tokens(GuidanceConfig(scale=(8.0,)))
    late = causal_tokens(GuidanceConfig(scale=(8.0,), interval=(0.4, 1.0)))  # from the fifth of nine on
    assert torch.equal(late[..., :4], plain_tokens[..., :4]) and not torch.equal(late, plain_tokens)
    assert not torch.equal(guided[..., :4], plain_tokens[..., :4])
    early = causal_tokens(GuidanceConfig(scale=(8.0,), interval=(0.0, 0.4)))
    assert torch.equal(early[..., :4], guided[..., :4]) and not torch.equal(early, guided)


def test_nar_tokens_are_guided_inside_the_interval() -> None:
    plain_tokens, guided = masked_tokens(GuidanceConfig()), masked_tokens(GuidanceConfig(scale=(8.0,)))
    part = masked_tokens(GuidanceConfig(scale=(8.0,), interval=(0.5, 0.75)))
    assert not torch.equal(part, plain_tokens) and not torch.equal(part, guided)
    between = GuidanceConfig(scale=(8.0,), interval=(0.51, 0.74))  # no step of four begins there
    assert torch.equal(masked_tokens(between), plain_tokens)


@pytest.mark.parametrize("interval", [[0.5], [0.5, 0.5], [0.8, 0.2], [0.1, 0.2, 0.3]])
def test_an_interval_is_two_rising_shares(interval: list[float]) -> None:
    with pytest.raises(ConfigError, match=r"interval .*: give two rising shares of the steps"):
        parse_value(GuidanceConfig, {"interval": interval}, "samples.yaml")


def test_an_interval_lies_between_nothing_and_all() -> None:
    with pytest.raises(ConfigError, match=r"interval\[1\]: 1.5 given, expected a number from 0 to 1"):
        parse_value(GuidanceConfig, {"interval": [0.5, 1.5]}, "samples.yaml")


def test_guidance_everywhere_keeps_its_hash() -> None:
    everywhere, some = GuidanceConfig(scale=(2.0,)), GuidanceConfig(scale=(2.0,), interval=(0.2, 0.8))
    assert "interval" not in plain(everywhere, hashed=True) and plain(some, hashed=True)["interval"] == [0.2, 0.8]
    assert parse_value(GuidanceConfig, plain(some), "config.json") == some
