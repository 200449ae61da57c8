"""Every kind of prior over tokens behind the one interface."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from smalti.config.parsing import parse_value, plain
from smalti.config.prior_kinds import PRIOR_KINDS, TokenSpace
from smalti.config.priors import ArPriorNetworkConfig, NarPriorNetworkConfig, PriorNetworkConfig, TransformerConfig
from smalti.config.sampling import GuidanceConfig
from smalti.priors import TokenPrior

GPT = TransformerConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0.1)
K, N, CLASSES = 11, 9, 3
INDICES = list(range(24))

# A small network of each kind.
KINDS: dict[str, PriorNetworkConfig] = {
    "ar": ArPriorNetworkConfig(transformer=GPT),
    "nar": NarPriorNetworkConfig(transformer=GPT),
}
every_kind = pytest.mark.parametrize("kind", KINDS)
books = pytest.mark.parametrize("num_books", [1, 2])


def test_every_kind_is_here() -> None:
    missing = sorted({name for name, kind in PRIOR_KINDS.items() if kind.trains_on == "tokens"} - KINDS.keys())
    assert not missing, f"add {missing} to KINDS of {__file__}, whose tests are then theirs too"


def build(kind: str, num_books: int) -> TokenPrior:
    """A prior with weights that matter, in float64."""
    space = TokenSpace(num_books=num_books, num_codes=K, num_tokens=N, num_classes=CLASSES)
    prior: TokenPrior = PRIOR_KINDS[kind].build(KINDS[kind], space)
    for parameter in prior.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return prior.double().eval()


def draw(kind: str, prior: TokenPrior, indices: list[int], seed: int = 7, shift: int = 0, scale: float = 1) -> Any:
    """Samples of the kind's default settings, the labels in turn from ``shift`` on."""
    settings = replace(PRIOR_KINDS[kind].sampling_config(), guidance=GuidanceConfig(scale=(scale,)))
    labels = torch.tensor([(i + shift) % CLASSES for i in indices])
    return PRIOR_KINDS[kind].make_sampler(prior, settings, seed)(labels, indices)


@every_kind
@books
def test_logits_are_those_of_its_tokens(kind: str, num_books: int) -> None:
    prior = build(kind, num_books)
    assert (prior.num_books, prior.num_codes, prior.num_tokens) == (num_books, K, N)
    labels = torch.tensor([0, 2, CLASSES])  # the last means "no class"
    logits = prior(torch.randint(K, (3, num_books, N)), labels)
    assert logits.shape == (3, num_books, N, K) and logits.isfinite().all()
    assert [weight.shape[0] for weight in prior.outputs.weights()] == [K] * num_books


@every_kind
@books
def test_a_sample_is_a_function_of_label_seed_and_index(kind: str, num_books: int) -> None:
    prior = build(kind, num_books)
    whole = draw(kind, prior, INDICES)
    assert whole.shape == (len(INDICES), num_books, N) and whole.dtype == torch.int64
    assert whole.min() >= 0 and whole.max() < K
    for part in ([4], [1, 3, 5], INDICES[::-1]):
        assert torch.equal(draw(kind, prior, part), whole[part]), "of another batch"
    assert not torch.equal(draw(kind, prior, INDICES, seed=8), whole)
    assert not torch.equal(draw(kind, prior, INDICES, shift=1), whole)
    assert len(whole[::CLASSES].flatten(1).unique(dim=0)) > 1, "samples of one class are alike"


@every_kind
@books
def test_guidance_is_obeyed(kind: str, num_books: int) -> None:
    prior = build(kind, num_books)
    assert not torch.equal(draw(kind, prior, INDICES, scale=8), draw(kind, prior, INDICES))


@every_kind
def test_what_is_saved_of_it_is_read_back(kind: str) -> None:
    settings = PRIOR_KINDS[kind].sampling_config()
    assert settings.num_forwards >= 1
    for schema, config in ((PRIOR_KINDS[kind].network_config, KINDS[kind]), (type(settings), settings)):
        assert parse_value(schema, json.loads(json.dumps(plain(config))), "config.json") == config
