"""Priors and samplers: exact expectations."""

import itertools
import math

import pytest
import torch

from configs.architecture import TransformerConfig
from networks.noise import uniform
from networks.priors.causal import CausalPrior
from networks.priors.masked import MaskedPrior, random_mask
from networks.sampling import (
    SCHEDULES,
    ConfidenceDecoding,
    draw,
    guide,
    keep_top_k,
    keep_top_p,
    masked_counts,
    sample_causal,
    sample_masked,
)

SMALL = TransformerConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0.1)
NUM_CODES, NUM_TOKENS, NUM_CLASSES = 11, 9, 3


def trained(network: type) -> CausalPrior | MaskedPrior:
    """A prior with weights that matter, in float64."""
    torch.manual_seed(0)
    prior = network(SMALL, NUM_CODES, NUM_TOKENS, NUM_CLASSES).double().eval()
    for parameter in prior.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return prior


DECODING = ConfidenceDecoding(
    steps=4, token_temperature=1.0, choice_temperature=4.5, choice_space="log_probability", schedule="cosine",
    guidance=2.0, guidance_form="linear",
)  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "steps", "fixed"),
    [
        ("cosine", 8, [5, 15, 24, 31, 39, 45, 48, 49]),
        ("cosine", 12, [3, 6, 11, 15, 18, 22, 26, 27, 31, 31, 33, 33]),
        ("arccos", 8, [21, 21, 21, 23, 25, 28, 35, 82]),
        ("arccos", 12, [14, 14, 14, 14, 15, 15, 16, 17, 20, 22, 28, 67]),
    ],
)
def test_maskgit_fixes_these_many_tokens_a_step(schedule: str, steps: int, fixed: list[int]) -> None:
    left = [256, *masked_counts(256, steps, SCHEDULES[schedule])]
    assert [before - after for before, after in itertools.pairwise(left)] == fixed


def test_cached_logits_equal_the_full_forward() -> None:
    prior = trained(CausalPrior).float()
    tokens, labels = torch.randint(NUM_CODES, (4, NUM_TOKENS)), torch.tensor([0, 1, 2, 3])
    expected = prior(tokens, labels)
    caches = prior.transformer.new_caches(4)
    found = [prior.first_logits(labels, caches)]
    found += [prior.next_logits(tokens[:, i], caches) for i in range(NUM_TOKENS - 1)]
    torch.testing.assert_close(torch.stack(found, 1), expected, atol=1e-4, rtol=0)


def test_causal_prior_does_not_look_ahead() -> None:
    prior = trained(CausalPrior)
    tokens, labels = torch.randint(NUM_CODES, (1, NUM_TOKENS)), torch.tensor([1])
    changed = tokens.clone()
    changed[0, 4] = (changed[0, 4] + 1) % NUM_CODES
    difference = (prior(tokens, labels) - prior(changed, labels)).abs().amax(-1)[0]
    assert (difference[:5] == 0).all() and (difference[5:] > 0).all()


@pytest.mark.parametrize("network", [CausalPrior, MaskedPrior])
def test_first_loss_is_ln_k(network: type) -> None:
    prior = network(SMALL, NUM_CODES, NUM_TOKENS, NUM_CLASSES).eval()
    tokens = torch.randint(NUM_CODES, (2, NUM_TOKENS))
    loss = torch.nn.functional.cross_entropy(prior(tokens, torch.tensor([0, 1])).flatten(0, 1), tokens.flatten())
    assert loss.item() == pytest.approx(math.log(NUM_CODES), rel=1e-6)


def test_guidance_of_one_is_the_conditional_model() -> None:
    prior, labels = trained(CausalPrior), torch.tensor([0, 1, 2])
    noise = uniform(0, [0, 1, 2], (NUM_TOKENS,), "ar")
    conditional, unconditional = torch.randn(2, 5, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    torch.testing.assert_close(guide(conditional, unconditional, 1.0), conditional)
    # Just beside 1 both models run; the tokens are those of the conditional one alone.
    assert torch.equal(sample_causal(prior, labels, noise), sample_causal(prior, labels, noise, guidance=1 + 1e-12))


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_sample_depends_on_seed_and_index_alone(batch: int) -> None:
    """Any batch size, any rank's share of the indices: the same tokens, in float64 bit for bit."""
    causal, masked = trained(CausalPrior), trained(MaskedPrior)
    assert isinstance(masked, MaskedPrior) and isinstance(causal, CausalPrior)

    def sample(indices: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.tensor([i % NUM_CLASSES for i in indices])
        ar = sample_causal(causal, labels, uniform(7, indices, (NUM_TOKENS,), "ar"), guidance=1.5, top_p=0.9)
        nar = sample_masked(masked, labels, uniform(7, indices, (2, 4, NUM_TOKENS), "nar"), DECODING)
        return ar, nar

    whole = sample(list(range(6)))
    for rank in range(2):
        mine = list(range(6))[rank::2]
        for start in range(0, len(mine), batch):
            part = mine[start : start + batch]
            for found, expected in zip(sample(part), whole, strict=True):
                assert torch.equal(found, expected[part])


def test_masked_decoding_leaves_no_mask_and_keeps_what_it_fixed() -> None:
    prior = trained(MaskedPrior)
    assert isinstance(prior, MaskedPrior)
    tokens = sample_masked(prior, torch.tensor([0, 3]), uniform(0, [0, 1], (2, 4, NUM_TOKENS), "nar"), DECODING)
    assert tokens.shape == (2, NUM_TOKENS) and tokens.max() < NUM_CODES


def test_draw_follows_the_distribution() -> None:
    probability = torch.tensor([0.5, 0.3, 0.2, 0.0])
    noise = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    counts = torch.bincount(draw(probability.log().expand(1000, 4), noise), minlength=4)
    assert counts.tolist() == [500, 300, 200, 0]


def test_top_k_and_top_p_keep_the_right_codes() -> None:
    logits = torch.tensor([[0.1, 0.4, 0.2, 0.3]]).log()
    assert keep_top_k(logits, 2).isfinite().tolist() == [[False, True, False, True]]
    assert keep_top_p(logits, 0.71).isfinite().tolist() == [[False, True, True, True]]
    assert keep_top_p(logits, 0.4).isfinite().tolist() == [[False, True, False, False]]


def test_mask_counts_are_exact() -> None:
    ratio = torch.tensor([0.0, 0.5, 0.999])
    mask = random_mask(ratio, torch.rand(3, 64))
    assert mask.sum(1).tolist() == [64, math.ceil(64 * math.cos(math.pi / 4)), 1]
