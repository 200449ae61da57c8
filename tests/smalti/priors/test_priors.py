"""Priors and samplers: exact expectations."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from smalti.config.priors import (
    ArPriorNetworkConfig,
    LlamaConfig,
    NarPriorNetworkConfig,
    SubTokenHeadConfig,
    TransformerConfig,
)
from smalti.priors.causal import CausalPrior
from smalti.priors.masked import MaskedPrior, random_mask
from smalti.samplers import masked as masked_sampling
from smalti.samplers.causal import sample_causal
from smalti.samplers.guidance import Guidance, guide
from smalti.samplers.logits import draw, keep_top_k, keep_top_p
from smalti.samplers.masked import SCHEDULES, ConfidenceDecoding, draw_where, masked_counts, sample_masked
from smalti.samplers.noise import uniform

GPT = TransformerConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0.1)
LLAMA = LlamaConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0.1)
NUM_CODES, NUM_TOKENS, NUM_CLASSES = 11, 9, 3

CAUSAL = [
    (1, ArPriorNetworkConfig(transformer=GPT)),
    (1, ArPriorNetworkConfig(transformer=LLAMA)),
    (2, ArPriorNetworkConfig(transformer=GPT, head=SubTokenHeadConfig(kind="mlp"))),
    (3, ArPriorNetworkConfig(transformer=LLAMA, head=SubTokenHeadConfig(kind="ar", num_layers=2))),
    (2, ArPriorNetworkConfig(transformer=LLAMA, head=SubTokenHeadConfig(kind="ar"), embedding="concat")),
]
MASKED = [
    (1, NarPriorNetworkConfig(transformer=GPT)),
    (2, NarPriorNetworkConfig(transformer=LLAMA)),
    (3, NarPriorNetworkConfig(transformer=GPT, embedding="concat")),
]


def causal(num_books: int, config: ArPriorNetworkConfig) -> CausalPrior:
    """A prior with weights that matter, in float64."""
    return randomised(CausalPrior(config, num_books, NUM_CODES, NUM_TOKENS, NUM_CLASSES))


def masked(num_books: int, config: NarPriorNetworkConfig) -> MaskedPrior:
    """The same, masked."""
    return randomised(MaskedPrior(config, num_books, NUM_CODES, NUM_TOKENS, NUM_CLASSES))


def randomised(prior):  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    for parameter in prior.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return prior.double().eval()


def random_tokens(batch: int, num_books: int) -> torch.Tensor:
    return torch.randint(NUM_CODES, (batch, num_books, NUM_TOKENS))


DECODING = ConfidenceDecoding(
    steps=4, token_temperature=1.0, choice_temperature=4.5, choice_space="log_probability", schedule="cosine",
    guidance=Guidance((2.0,), "linear"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "steps", "fixed"),
    [
        ("cosine", 8, [5, 15, 24, 31, 39, 45, 48, 49]),
        ("cosine", 12, [3, 6, 11, 15, 18, 22, 26, 28, 30, 31, 33, 33]),
        ("arccos", 8, [21, 21, 21, 23, 25, 28, 35, 82]),
        ("arccos", 12, [14, 14, 14, 14, 15, 15, 16, 17, 20, 22, 28, 67]),
    ],
)
def test_maskgit_fixes_these_many_tokens_a_step(schedule: str, steps: int, fixed: list[int]) -> None:
    left = [256, *masked_counts(256, steps, SCHEDULES[schedule])]
    assert [before - after for before, after in itertools.pairwise(left)] == fixed


def exact_cosine(x: Fraction) -> Fraction:
    """The Taylor series to x^22 / 22!: for x up to 1.6 beyond float64."""
    return sum(((-1) ** n * x ** (2 * n) / math.factorial(2 * n) for n in range(12)), Fraction(0))


def test_masked_counts_are_those_of_the_published_float32_arithmetic() -> None:
    """MaskGIT's decoder for 256 tokens in T = 4 to 100 steps. Ratio, angle, cosine and product are rounded to float32
    each; XLA's own cosine gives the same table (JAX 0.10.2 on a CPU)."""
    quarter_turn = np.float32(math.pi / 2)
    for steps in range(4, 101):
        left, expected = 256, []
        for step in range(1, steps):
            angle = quarter_turn * (np.float32(step) / np.float32(steps))
            share = np.float32(float(exact_cosine(Fraction(float(angle)))))
            left = max(1, min(int(np.floor(np.float32(256) * share)), left - 1))
            expected.append(left)
        found = masked_counts(256, steps, SCHEDULES["cosine"])
        assert found == [*expected, 0]
        if steps % 3 == 0:
            assert found[2 * steps // 3 - 1] == 127, "float64 gives 128"


@pytest.mark.parametrize(("num_books", "config"), CAUSAL)
def test_cached_logits_equal_the_full_forward(num_books: int, config: ArPriorNetworkConfig) -> None:
    prior = causal(num_books, config).float()
    tokens, labels = random_tokens(4, num_books), torch.tensor([0, 1, 2, 3])
    caches, head_caches = prior.transformer.new_caches(4), prior.heads.new_caches(4)
    feature, found = prior.start(labels, caches), []
    for position in range(NUM_TOKENS):
        previous = [None, *tokens[:, :, position].unbind(1)]
        found.append(
            torch.stack([prior.sub_logits(i, feature, previous[i], head_caches) for i in range(num_books)], dim=1)
        )
        if position + 1 < NUM_TOKENS:
            feature = prior.advance(tokens[:, :, position], caches)
    torch.testing.assert_close(torch.stack(found, 2), prior(tokens, labels), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("num_books", "config"), CAUSAL)
def test_causal_prior_does_not_look_ahead(num_books: int, config: ArPriorNetworkConfig) -> None:
    prior = causal(num_books, config)
    tokens, labels = random_tokens(1, num_books), torch.tensor([1])
    changed = tokens.clone()
    changed[0, 0, 4] = (changed[0, 0, 4] + 1) % NUM_CODES
    difference = (prior(tokens, labels) - prior(changed, labels)).abs().amax(-1)[0]
    assert (difference[0, :5] == 0).all() and (difference[:, 5:] > 0).all()
    if config.head.kind == "ar":
        assert (difference[1:, 4] > 0).all(), "later sub-tokens of a position see the earlier ones"
    elif num_books > 1:
        assert (difference[1:, 4] == 0).all(), "independent classifiers see the past positions alone"


def test_one_book_is_a_plain_gpt() -> None:
    """The linear head on one book: transformers' GPT-2 with the same weights gives the same logits."""
    import transformers

    prior = causal(1, ArPriorNetworkConfig(transformer=GPT))
    settings = transformers.GPT2Config(
        vocab_size=NUM_CODES, n_positions=NUM_TOKENS, n_embd=16, n_layer=2, n_head=2, n_inner=32,
        activation_function="gelu", attn_implementation="eager",
    )  # fmt: skip
    peer = transformers.GPT2Model(settings).double().eval()
    own = prior.state_dict()
    state = {"wpe.weight": own["transformer.positions"], "wte.weight": own["codes.tables.0.weight"]}
    names = {
        "norm1": "ln_1", "norm2": "ln_2", "attention.query_key_value": "attn.c_attn", "attention.out": "attn.c_proj",
        "mlp.0": "mlp.c_fc", "mlp.2": "mlp.c_proj",
    }  # fmt: skip
    for layer in range(2):
        for ours, theirs in names.items():
            for kind in ("weight", "bias"):
                value = own[f"transformer.blocks.{layer}.{ours}.{kind}"]
                state[f"h.{layer}.{theirs}.{kind}"] = value.T if value.ndim == 2 else value
    state |= {f"ln_f.{kind}": own[f"heads.norm.{kind}"] for kind in ("weight", "bias")}
    peer.load_state_dict(state)
    tokens, labels = random_tokens(2, 1), torch.tensor([0, 2])
    rows = torch.cat([prior.classes(labels), prior.codes(tokens[:, :, :-1])], dim=1)
    expected = peer(inputs_embeds=rows).last_hidden_state @ own["outputs.layers.0.weight"].T
    torch.testing.assert_close(prior(tokens, labels)[:, 0], expected)


@pytest.mark.parametrize(("num_books", "config"), CAUSAL)
def test_first_loss_of_the_causal_prior_is_ln_k(num_books: int, config: ArPriorNetworkConfig) -> None:
    prior = CausalPrior(config, num_books, NUM_CODES, NUM_TOKENS, NUM_CLASSES).eval()
    assert first_loss(prior(random_tokens(2, num_books), torch.tensor([0, 1]))) == pytest.approx(math.log(NUM_CODES))


@pytest.mark.parametrize(("num_books", "config"), MASKED)
def test_first_loss_of_the_masked_prior_is_ln_k(num_books: int, config: NarPriorNetworkConfig) -> None:
    prior = MaskedPrior(config, num_books, NUM_CODES, NUM_TOKENS, NUM_CLASSES).eval()
    assert first_loss(prior(random_tokens(2, num_books), torch.tensor([0, 1]))) == pytest.approx(math.log(NUM_CODES))


def first_loss(logits: torch.Tensor) -> float:
    targets = torch.randint(NUM_CODES, logits.shape[:-1])
    return torch.nn.functional.cross_entropy(logits.flatten(0, -2), targets.flatten()).item()


def test_guidance_of_one_is_the_conditional_model() -> None:
    prior, labels = causal(*CAUSAL[3]), torch.tensor([0, 1, 2])
    noise = uniform(0, [0, 1, 2], (3, NUM_TOKENS), "ar")
    conditional, unconditional = torch.randn(2, 5, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    torch.testing.assert_close(guide(conditional, unconditional, 1.0), conditional)
    # Just beside 1 both models run; the tokens are those of the conditional one alone.
    beside = sample_causal(prior, labels, noise, guidance=Guidance((1.0, 1 + 1e-12, 1.0)))
    assert torch.equal(sample_causal(prior, labels, noise), beside)


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize(("ar", "nar"), [(CAUSAL[0], MASKED[0]), (CAUSAL[3], MASKED[2])])
def test_a_sample_depends_on_seed_and_index_alone(batch: int, ar: tuple, nar: tuple) -> None:
    """Any batch size, any rank's share of the indices: the same tokens, in float64 bit for bit."""
    one, other = causal(*ar), masked(*nar)

    def sample(indices: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.tensor([i % NUM_CLASSES for i in indices])
        noise = uniform(7, indices, (one.num_books, NUM_TOKENS), "ar")
        first = sample_causal(one, labels, noise, guidance=Guidance((1.5,)), top_p=0.9)
        noise = uniform(7, indices, (2, 4, other.num_books, NUM_TOKENS), "nar")
        return first, sample_masked(other, labels, noise, DECODING)

    whole = sample(list(range(6)))
    for rank in range(2):
        mine = list(range(6))[rank::2]
        for start in range(0, len(mine), batch):
            part = mine[start : start + batch]
            for found, expected in zip(sample(part), whole, strict=True):
                assert torch.equal(found, expected[part])


@pytest.mark.parametrize(("num_books", "config"), MASKED)
def test_masked_decoding_leaves_no_mask(num_books: int, config: NarPriorNetworkConfig) -> None:
    noise = uniform(0, [0, 1], (2, 4, num_books, NUM_TOKENS), "nar")
    tokens = sample_masked(masked(num_books, config), torch.tensor([0, 3]), noise, DECODING)
    assert tokens.shape == (2, num_books, NUM_TOKENS) and tokens.max() < NUM_CODES


@pytest.mark.parametrize("rows", [2, 1000])
@pytest.mark.parametrize("guided", [False, True])
def test_masked_positions_are_drawn_some_rows_at_a_time(
    rows: int, guided: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same tokens and log-probabilities as from all logits at once."""
    monkeypatch.setattr(masked_sampling, "LOGITS", rows * NUM_CODES)
    prior, scales = masked(*MASKED[2]), [1.0, 2.5, 0.5]
    tokens = torch.randint(NUM_CODES + 1, (2, 3, NUM_TOKENS))
    labels, nothing = torch.tensor([0, 2]), prior.classes.nothing(torch.tensor([0, 2]))
    where, noise = torch.rand(2, 3, NUM_TOKENS) < 0.6, torch.rand(2, 3, NUM_TOKENS, dtype=torch.float64)
    where[:, 1] = False  # a book that is known already
    features, other = prior.features(tokens, labels), prior.features(tokens, nothing)
    drawn, confidence = draw_where(prior, features, other if guided else None, where, noise, scales, 1.3)

    logits = prior(tokens, labels)
    if guided:
        books = zip(logits.unbind(1), prior(tokens, nothing).unbind(1), scales, strict=True)
        logits = torch.stack([guide(*book) for book in books], dim=1)
    expected = draw(logits / 1.3, noise)
    assert torch.equal(drawn, expected.where(where, torch.zeros_like(expected)))
    likely = logits.log_softmax(-1).gather(-1, expected[..., None]).squeeze(-1)
    torch.testing.assert_close(confidence, likely.masked_fill(~where, math.inf))


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


def test_guidance_of_the_masked_decoder_goes_by_steps_done_and_tokens_known() -> None:
    """TiTok's step t of T counts t / T, MAR's share of known tokens that after the step."""
    asked: list[tuple[float, float]] = []

    class Asked(Guidance):
        def scale(self, book: int, ratio: float, unmasked: float) -> float:
            asked.append((ratio, unmasked))
            return super().scale(book, ratio, unmasked)

    prior, steps = masked(*MASKED[0]), 4
    settings = replace(DECODING, steps=steps, schedule="cosine", guidance=Asked((2.0,)))
    noise = uniform(0, [0], (2, steps, prior.num_books, NUM_TOKENS), "nar")
    sample_masked(prior, torch.tensor([0]), noise, settings)
    total = prior.num_books * NUM_TOKENS
    left = [math.floor(total * math.cos(math.pi / 2 * (t + 1) / steps)) for t in range(steps - 1)] + [1]
    expected = [(t / steps, 1 - left[t] / total) for t in range(steps) for _ in range(prior.num_books)]
    assert list(itertools.chain(*asked)) == pytest.approx(list(itertools.chain(*expected)))
