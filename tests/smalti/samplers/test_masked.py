"""MaskGIT's decoder, step by step, on a network whose logits are known."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from smalti.samplers.guidance import Guidance
from smalti.samplers.masked import MASKGIT, ConfidenceDecoding, sample_masked

SHARES = torch.tensor([[0.9, 0.1], [0.5, 0.5]])  # of the two codes at each of the two positions


class Known:
    """Two positions of two codes; notes which tokens it is shown."""

    num_books, num_tokens, num_codes = 1, 2, 2

    def __init__(self) -> None:
        self.shown: list[list[int]] = []
        self.outputs: Any = self

    def features(self, tokens: Tensor, labels: Tensor) -> Tensor:
        self.shown.append(tokens[0, 0].tolist())
        return SHARES.log()[None, None].expand(len(tokens), 1, 2, 2)

    def book(self, number: int, features: Tensor) -> Tensor:
        return features


@pytest.mark.parametrize(
    ("space", "temperature", "kept"),
    [
        *(("log_probability", *pair) for pair in [(0.0, 0), (1.0, 0), (1.4, 0), (1.6, 1), (3.0, 1)]),
        *(("probability", *pair) for pair in [(0.0, 0), (0.95, 0), (1.05, 1), (3.0, 1)]),
    ],
)
def test_the_choice_is_annealed_to_what_is_left_after_the_step(space: Any, temperature: float, kept: int) -> None:
    """At step t of T the noise counts temperature (1 - (t + 1)/T), half of it at the first of two steps.

    Its difference, 0.8, outweighs that of the confidences, log 0.9 - log 0.5 = 0.588, from a temperature of 1.47 on;
    that of the probabilities, 0.4, from 1 on.
    """
    noise = torch.zeros(1, 2, 2, 1, 2, dtype=torch.float64)  # the first half draws code 0 everywhere
    noise[0, 1] = torch.tensor([math.exp(-math.exp(-g)) for g in (0.0, 0.8)], dtype=torch.float64)
    prior = Known()
    settings = ConfidenceDecoding(
        steps=2, token_temperature=1.0, choice_temperature=temperature, choice_space=space,
        schedule="cosine", guidance=Guidance(),
    )  # fmt: skip
    tokens = sample_masked(prior, torch.zeros(1, dtype=torch.int64), noise, settings)  # type: ignore[arg-type]
    assert tokens.tolist() == [[[0, 0]]]
    mask = prior.num_codes
    assert prior.shown == [[mask, mask], [0, mask] if kept == 0 else [mask, 0]]


def test_settings_of_maskgit_s_released_decoder() -> None:
    """google-research/maskgit: parallel_decode.py and its configs; the paper doesn't print the temperature."""
    assert (MASKGIT.steps, MASKGIT.choice_temperature, MASKGIT.token_temperature) == (12, 4.5, 1.0)
    assert (MASKGIT.choice_space, MASKGIT.schedule) == ("log_probability", "cosine")
