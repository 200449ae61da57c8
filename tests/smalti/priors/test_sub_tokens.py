"""Tokens of one book as sub-tokens: the codes, the config, sampling."""

import math

import pytest
import torch
from torch import Tensor, nn

from smalti.codebooks import build_quantizer
from smalti.config.codebooks import LookupFreeConfig
from smalti.config.priors import ArPriorNetworkConfig, LlamaConfig, SubTokenHeadConfig
from smalti.config.sampling import ArSamplingConfig, GuidanceConfig
from smalti.priors.causal import CausalPrior
from smalti.priors.sub_tokens import SplitTokens
from smalti.samplers.causal import causal_sampler, sample_causal
from smalti.samplers.logits import draw
from smalti.samplers.noise import uniform

LLAMA = LlamaConfig(num_layers=1, num_heads=2, width=16, mlp_width=32, dropout=0)
SPLIT = ArPriorNetworkConfig(transformer=LLAMA, head=SubTokenHeadConfig(kind="ar", num_layers=1), split=(2, 3))
N, CLASSES = 4, 3


def prior() -> CausalPrior:
    """Over 32 codes, with weights that matter, in float64."""
    torch.manual_seed(0)
    network = CausalPrior(SPLIT, 1, 32, N, CLASSES)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.7)
    return network.double().eval()


def test_every_code_of_18_bits_is_its_two_parts() -> None:
    """The first 6 channels of the code, then the other 12, by Python's own binary numbers; and back."""
    division = SplitTokens([6, 12], 1, 2**18)
    tokens = torch.arange(2**18).view(1, 1, -1)
    parts = division.split(tokens)
    assert parts.shape == (1, 2, 2**18) and parts.dtype == torch.int64
    assert torch.equal(division.join(parts), tokens)
    codes = build_quantizer(LookupFreeConfig(), 18, None).decode(tokens[..., 77::4999])[0, :, 0].T
    for place, code in zip(range(77, 2**18, 4999), codes, strict=True):
        digits = "".join("1" if channel > 0 else "0" for channel in code.tolist())
        assert [int(digits[:6], 2), int(digits[6:], 2)] == parts[0, :, place].tolist()


def test_three_parts() -> None:
    division = SplitTokens([1, 3, 2], 1, 64)
    tokens = torch.randint(64, (2, 1, 5))
    parts = division.split(tokens)
    assert torch.equal(parts[:, :1] * 32 + parts[:, 1:2] * 4 + parts[:, 2:], tokens)
    assert torch.equal(division.join(parts), tokens)


def test_tables_and_heads_have_the_sizes_of_their_sub_tokens() -> None:
    network = prior()
    assert (network.num_books, network.num_codes, network.num_sub_tokens) == (1, 32, 2)
    assert [tuple(table.weight.shape) for table in network.codes.tables] == [(4, 16), (8, 16)]
    assert [tuple(weight.shape) for weight in network.outputs.weights()] == [(4, 16), (8, 16)]


def test_the_likelihoods_of_all_tokens_add_up_to_one() -> None:
    """p(token) is the product over its sub-tokens, so that the sum of their losses is the token's."""
    network, labels = prior(), torch.zeros(32, dtype=torch.int64)
    tokens = torch.randint(32, (1, 1, N)).repeat(32, 1, 1)
    tokens[:, 0, 1] = torch.arange(32)
    logs = network(tokens, labels).log_softmax(-1)
    own = logs.gather(-1, network.sub_tokens(tokens)[..., None])[:, :, 1, 0].sum(1)
    torch.testing.assert_close(own.exp().sum(), torch.tensor(1.0, dtype=torch.float64))


def test_first_loss_is_ln_k() -> None:
    network = CausalPrior(SPLIT, 1, 32, N, CLASSES).eval()
    tokens = torch.randint(32, (2, 1, N))
    logs = network(tokens, torch.tensor([0, 1])).log_softmax(-1)
    losses = -logs.gather(-1, network.sub_tokens(tokens)[..., None]).sum(1)
    assert losses.mean().item() == pytest.approx(math.log(32))


def drawn_again(network: CausalPrior, labels: Tensor, noise: Tensor, scales: list[float], heat: list[float]) -> Tensor:
    """The tokens by full forward passes without caches, sub-token by sub-token."""
    tokens, nothing = torch.zeros(len(labels), 1, N, dtype=torch.int64), torch.full_like(labels, CLASSES)
    for position in range(N):
        for number, codes in enumerate((4, 8)):
            given, free = (network(tokens, which)[:, number, position, :codes] for which in (labels, nothing))
            found = draw((free + scales[number] * (given - free)) / heat[number], noise[:, number, position])
            tokens[:, 0, position] += found * (8 if number == 0 else 1)
    return tokens


def test_samples_are_whole_tokens_with_a_scale_and_a_temperature_for_each_sub_token() -> None:
    network, labels = prior(), torch.tensor([0, 1, 2, 1, 0, 2])
    config = ArSamplingConfig(guidance=GuidanceConfig(scale=(1.5, 3.0)), temperatures=(1.4, 0.6))
    found = causal_sampler(network, config, 5)(labels, range(6))
    noise = uniform(5, range(6), (2, N), "ar")
    assert found.shape == (6, 1, N) and found.max() >= 4
    assert torch.equal(found, drawn_again(network, labels, noise, [1.5, 3.0], [1.4, 0.6]))
    assert not torch.equal(found, sample_causal(network, labels, noise))


def test_a_share_of_the_codes_is_each_sub_tokens_own() -> None:
    """A quarter of 4 codes is the likeliest alone, a quarter of 8 the two likeliest."""
    network, labels = prior(), torch.arange(60) % 3
    tokens = causal_sampler(network, ArSamplingConfig(top_k_share=0.25), 5)(labels, range(60))
    parts, logits = network.sub_tokens(tokens), network(tokens, labels)
    rank = (logits > logits.gather(-1, parts[..., None])).sum(-1)
    assert rank[:, 0].max() == 0 and rank[:, 1].max() == 1


@pytest.mark.parametrize(
    ("split", "books", "codes", "expected"),
    [
        ((6, 12), 2, 512, "split [6, 12]: the tokenizer has 2 books, which are sub-tokens already; leave it out"),
        ((6, 11), 1, 2**18, "split [6, 11]: 2^17 codes, the tokenizer has 262144; give bits that add up to 18"),
        ((5, 5), 1, 1000, "split [5, 5]: 2^10 codes, the tokenizer has 1000; no power of two: leave it out"),
    ],
)
def test_a_split_that_does_not_fit_is_refused(split: tuple[int, ...], books: int, codes: int, expected: str) -> None:
    config = ArPriorNetworkConfig(transformer=LLAMA, head=SubTokenHeadConfig(kind="ar"), split=split)
    assert expected in list(config.misfits(books, codes))
    with pytest.raises(ValueError) as error:
        CausalPrior(config, books, codes, N, CLASSES)
    assert str(error.value) == expected


def test_what_the_user_may_write_wrongly() -> None:
    with pytest.raises(ValueError, match="give the bits of at least two sub-tokens"):
        ArPriorNetworkConfig(transformer=LLAMA, split=(18,))
    with pytest.raises(ValueError, match="give one of them"):
        ArSamplingConfig(temperature=0.9, temperatures=(1.1, 1.0))
    with pytest.raises(ValueError, match="give one for each of 2 sub-tokens"):
        causal_sampler(prior(), ArSamplingConfig(temperatures=(1.0, 1.0, 1.0)), 0)
    with pytest.raises(ValueError, match="give one number, or one for each of 2 books"):
        causal_sampler(prior(), ArSamplingConfig(guidance=GuidanceConfig(scale=(1.0, 2.0, 3.0))), 0)
    assert not list(SPLIT.misfits(1, None)), "a codebook that another recipe makes"
