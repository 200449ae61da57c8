"""Every kind of codebook behind the one interface."""

import itertools

import pytest
import torch
from torch import nn
from vector_quantize_pytorch import LFQ

from smalti.codebooks import FactorisedCodebooks, Quantizer, build_quantizer, empty_published
from smalti.codebooks.factorised import PENALTIES
from smalti.codebooks.implicit import FiniteScalar
from smalti.codebooks.nearest import NearestCode
from smalti.codebooks.propagated import IndexPropagation
from smalti.codebooks.residual import ResidualCodebooks
from smalti.config.codebooks import (
    EmaCodebookConfig,
    FactorisedConfig,
    FiniteScalarConfig,
    IndexPropagationConfig,
    KMeansCodebookConfig,
    LearnedCodebookConfig,
    LearnedCosineConfig,
    LookupFreeConfig,
    ProjectedCosineConfig,
    ProjectedL2Config,
    ProjectorConfig,
    QuantizerConfig,
    RandomCodebookConfig,
    ResidualConfig,
)
from smalti.config.field_types import classes_of
from smalti.views.code_tables import code_tables
from tests.compiled import check_compiles_once

KINDS: list[tuple[QuantizerConfig, int]] = [
    (LearnedCodebookConfig(num_codes=32), 8),
    (LearnedCosineConfig(num_codes=32), 8),
    (RandomCodebookConfig(num_codes=32), 8),
    (EmaCodebookConfig(num_codes=32), 8),
    (KMeansCodebookConfig(num_codes=32, reservoir=64, warmup=0), 8),
    (ProjectedL2Config(), 8),
    (ProjectedCosineConfig(projector=ProjectorConfig(kind="mlp", hidden=16)), 8),
    (ProjectedL2Config(projector=ProjectorConfig(kind="none")), 20),
    (ProjectedL2Config(tune_centres=True), 8),
    (IndexPropagationConfig(num_codes=32, normalised=True), 8),
    (FactorisedConfig(book=LearnedCosineConfig(num_codes=32)), 8),
    (FactorisedConfig(names=("a", "b", "c"), book=EmaCodebookConfig(num_codes=32)), 12),
    (ResidualConfig(num_books=3, book=EmaCodebookConfig(num_codes=32)), 8),
    (ResidualConfig(num_books=3, book=LearnedCodebookConfig(num_codes=32), shared=False), 8),
    (LookupFreeConfig(num_codes=32), 5),
    (FiniteScalarConfig(levels=(4, 3, 5)), 3),
]
NAMES = [f"{config.kind}-{i}" for i, (config, _) in enumerate(KINDS)]
every_kind = pytest.mark.parametrize(("config", "code_dim"), KINDS, ids=NAMES)


def build(config: QuantizerConfig, code_dim: int) -> Quantizer:
    """The quantiser, with centres where its kind wants them."""
    return build_quantizer(config, code_dim, torch.randn(32, 20) if config.needs_centres else None)


def test_every_kind_is_here() -> None:
    missing = sorted(classes_of(QuantizerConfig).keys() - {config.kind for config, _ in KINDS})
    assert not missing, f"add {missing} to KINDS of {__file__}, whose tests are then theirs too"


def passes_latents(quantizer: Quantizer) -> bool:
    """Whether latents reach the search as they are, neither normalised nor bounded."""
    if isinstance(quantizer, FactorisedCodebooks):
        return all(map(passes_latents, quantizer.parts()))
    if isinstance(quantizer, NearestCode):
        return type(quantizer).align is NearestCode.align
    return not isinstance(quantizer, FiniteScalar | IndexPropagation)


@every_kind
def test_forward_encode_and_decode_agree(config: QuantizerConfig, code_dim: int) -> None:
    quantizer = build(config, code_dim).eval()
    latents = torch.randn(2, code_dim, 3, 3, requires_grad=True)
    result = quantizer(latents)
    books = () if quantizer.num_books == 1 else (quantizer.num_books,)
    assert result.tokens.shape == (2, *books, 3, 3) and result.tokens.dtype == torch.int64
    assert torch.equal(result.tokens, quantizer.encode(latents))
    torch.testing.assert_close(result.latents, quantizer.decode(result.tokens))
    torch.testing.assert_close(result.codes, quantizer.decode(result.tokens))
    assert result.counts.shape == (quantizer.num_books, quantizer.num_codes) and (result.counts.sum(1) == 18).all()
    (gradient,) = torch.autograd.grad(quantizer.train()(latents).latents.sum(), latents)
    if passes_latents(quantizer):
        torch.testing.assert_close(gradient, torch.ones_like(latents), msg="straight through, once")
    else:
        assert gradient.abs().sum() > 0


@every_kind
def test_tokens_survive_decode_and_encode(config: QuantizerConfig, code_dim: int) -> None:
    """Tokens of latents, decoded and encoded again. A sum of residual codes may have a nearer first code, unless each
    book is much finer than the one before it."""
    quantizer = build(config, code_dim).eval()
    if isinstance(quantizer, ResidualCodebooks):
        quantizer = build(ResidualConfig(num_books=3, book=LearnedCodebookConfig(num_codes=32), shared=False), code_dim)
        for number, book in enumerate(quantizer.parts()):
            signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=code_dim)))[:32]
            book.codebook.data.copy_(signs * 0.1**number)  # corners of a cube, a tenth the size each time
    tokens = quantizer.encode(torch.randn(4, code_dim, 4, 4))
    if isinstance(config, FiniteScalarConfig):
        # FSQ bounds its latents by tanh: a code is its own input only after the inverse of it.
        assert torch.equal(quantizer.encode(quantizer.decode(tokens).clamp(-0.999, 0.999).atanh() * 1.2), tokens)
        return
    assert torch.equal(quantizer.encode(quantizer.decode(tokens)), tokens)


def test_residual_codes_are_the_greedy_ones() -> None:
    """Each book takes the row nearest to what is left, computed here in float64; latents are the sum of the rows."""
    config = ResidualConfig(num_books=3, book=LearnedCodebookConfig(num_codes=32), shared=False)
    quantizer = build(config, 8).eval()
    latents = torch.randn(2, 8, 3, 3)
    left, total = latents.movedim(1, -1).double(), torch.zeros(2, 3, 3, 8, dtype=torch.float64)
    expected = []
    for book in quantizer.parts():
        rows = book.codebook.double()
        expected.append(torch.cdist(left.flatten(0, 2), rows).argmin(1).view(2, 3, 3))
        left, total = left - rows[expected[-1]], total + rows[expected[-1]]
    tokens = quantizer.encode(latents)
    assert torch.equal(tokens, torch.stack(expected, 1))
    torch.testing.assert_close(quantizer.decode(tokens).double(), total.movedim(-1, 1), rtol=1e-5, atol=1e-6)


@every_kind
def test_what_is_published_gives_the_same_tokens_and_latents(config: QuantizerConfig, code_dim: int) -> None:
    quantizer = build(config, code_dim).eval()
    published = empty_published(config, code_dim, quantizer.num_codes)
    published.load_state_dict(quantizer.published().state_dict())
    published.eval()
    latents = torch.randn(8, code_dim, 4, 4)
    tokens = quantizer.encode(latents)
    assert torch.equal(published.encode(latents), tokens)
    torch.testing.assert_close(published.decode(tokens), quantizer.decode(tokens))
    assert (published.num_books, published.num_codes) == (quantizer.num_books, quantizer.num_codes)
    for book in (published, quantizer.published().eval()):
        assert "disentangle" not in book(latents).losses


@pytest.mark.parametrize(
    "config", [LearnedCodebookConfig(num_codes=7, entropy_weight=0.3), LearnedCosineConfig(num_codes=7)]
)
def test_gradients_are_those_of_finite_differences(config: QuantizerConfig) -> None:
    """Of the whole loss, by the latents and by the rows; straight-through aside, it is piecewise smooth."""
    quantizer = build_quantizer(config, 3, None).double()
    nn.init.normal_(quantizer.codebook)  # type: ignore[arg-type]
    latents = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    rows = quantizer.codebook

    def parts(z: torch.Tensor, e: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = torch.func.functional_call(quantizer, {"codebook": e}, (z,)).losses
        return found["commitment"] + found["codebook"], found.get("entropy", z.sum() * 0)

    # detach() splits one squared distance into two terms: each sees half of the difference quotient.
    def undetached(z: torch.Tensor, e: torch.Tensor) -> torch.Tensor:
        return parts(z, e)[0] / 2

    step = 1e-6
    for which, point in enumerate((latents, rows)):
        assert isinstance(point, torch.Tensor)
        analytic = torch.autograd.grad(parts(latents, rows)[0], point)[0]  # type: ignore[arg-type]
        numeric = torch.zeros_like(point)
        flat = point.detach().clone()
        for i in range(flat.numel()):
            values = []
            for sign in (1, -1):
                moved = flat.clone()
                moved.view(-1)[i] += sign * step
                pair = (moved, rows) if which == 0 else (latents, moved)
                values.append(undetached(*pair).item())  # type: ignore[arg-type]
            numeric.view(-1)[i] = (values[0] - values[1]) / (2 * step)
        torch.testing.assert_close(analytic, numeric, atol=1e-6, rtol=1e-5)


def test_lookup_free_losses_are_the_librarys() -> None:
    """On one rank, where the library's are right."""
    config = LookupFreeConfig(num_codes=64, entropy_weight=0.3, diversity=1.5, commitment_weight=0.2)
    ours, latents = build_quantizer(config, 6, None), torch.randn(3, 6, 4, 4) * 0.1
    theirs = LFQ(
        dim=6, codebook_size=64, entropy_loss_weight=0.3, diversity_gamma=1.5, commitment_loss_weight=0.2
    ).train()  # fmt: skip
    (found, tokens, loss), parts = theirs(latents, return_loss_breakdown=True)
    result = ours(latents)
    assert torch.equal(result.tokens, tokens.long())
    torch.testing.assert_close(result.latents, found)
    torch.testing.assert_close(result.loss, loss, rtol=1e-4, atol=1e-6)
    expected = {
        "sample_entropy": parts.per_sample_entropy,
        "entropy": parts.batch_entropy,
        "commitment": parts.commitment,
    }
    for name, value in expected.items():
        torch.testing.assert_close(result.losses[name], value, rtol=1e-4, atol=1e-5, msg=name)


def test_a_projectors_gradient_is_that_of_finite_differences() -> None:
    for config in (ProjectedL2Config(), ProjectedCosineConfig()):
        quantizer = build_quantizer(config, 3, torch.randn(7, 5)).double()
        for held in quantizer.held().values():
            held.double()
        latents, weight = torch.randn(2, 3, 2, 2, dtype=torch.float64), quantizer.projector.weight  # type: ignore[union-attr]

        def term(
            value: torch.Tensor, quantizer: Quantizer = quantizer, latents: torch.Tensor = latents
        ) -> torch.Tensor:
            found = torch.func.functional_call(quantizer, {"projector.weight": value}, (latents,))
            return found.losses["codebook"]

        assert isinstance(weight, torch.Tensor)
        assert torch.autograd.gradcheck(term, (weight.detach().requires_grad_(),), eps=1e-6, atol=1e-6)


def test_one_factorised_book_is_the_plain_quantiser() -> None:
    plain = build_quantizer(LearnedCosineConfig(num_codes=16), 4, None)
    one = FactorisedCodebooks([plain], ["only"], 0.1, PENALTIES["encoder"])
    latents = torch.randn(2, 4, 3, 3)
    expected, found = plain(latents), one(latents)
    assert torch.equal(found.tokens[:, 0], expected.tokens) and torch.equal(found.latents, expected.latents)
    assert torch.equal(found.loss, expected.loss) and torch.equal(found.counts, expected.counts)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("kind", ["encoder", "full"])
def test_disentanglement_is_the_mean_squared_cosine_of_all_pairs(kind: str, k: int) -> None:
    """FQGAN section 3.2, of the vectors after the straight-through step: those of the books."""
    book = LearnedCosineConfig(num_codes=16)
    config = FactorisedConfig(book=book, names=("a", "b", "c")[:k], disentangle=kind, disentangle_weight=0.5)  # type: ignore[arg-type]
    quantizer = build_quantizer(config, 4 * k, None)
    found = quantizer(torch.randn(2, 4 * k, 3, 3))
    rows = found.codes.double().split(4, dim=1)
    cosines = [(a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)) for i, a in enumerate(rows) for b in rows[i + 1 :]]
    expected = sum(cosine.square().mean() for cosine in cosines) / len(cosines)
    assert len(cosines) == k * (k - 1) // 2
    torch.testing.assert_close(found.losses["disentangle"].double(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("kind", "reaches_books"), [("encoder", False), ("full", True)])
def test_disentanglement_reaches_what_it_says(kind: str, reaches_books: bool) -> None:
    config = FactorisedConfig(book=LearnedCosineConfig(num_codes=16), disentangle=kind)  # type: ignore[arg-type]
    quantizer = build_quantizer(config, 8, None)
    latents = torch.randn(2, 8, 3, 3, requires_grad=True)
    penalty = quantizer(latents).losses["disentangle"]
    gradients = torch.autograd.grad(penalty, [latents, *quantizer.parameters()], allow_unused=True)
    assert gradients[0] is not None and gradients[0].abs().sum() > 0
    assert all((gradient is not None) == reaches_books for gradient in gradients[1:])


def test_books_in_the_wrong_order_are_refused() -> None:
    for names in (("visual", "semantic"), ("visual", "middle", "semantic")):
        quantizer = build_quantizer(FactorisedConfig(names=names, book=LearnedCosineConfig(num_codes=16)), 12, None)
        assert isinstance(quantizer, FactorisedCodebooks)
        tokens = quantizer.encode(torch.randn(1, 12, 2, 2))
        named = dict(zip(names, tokens.unbind(1), strict=True))
        assert torch.equal(quantizer.decode_books(named), quantizer.decode(tokens))
        with pytest.raises(ValueError, match="in that order"):
            quantizer.decode_books(dict(reversed(list(named.items()))))


def test_tuned_centres_train_and_frozen_ones_stay_out_of_the_weights() -> None:
    tuned = build_quantizer(ProjectedL2Config(tune_centres=True), 8, torch.randn(32, 20))
    frozen = build_quantizer(ProjectedL2Config(), 8, torch.randn(32, 20))
    assert "tuned" in dict(tuned.named_parameters()) and not tuned.held()
    assert set(frozen.state_dict()) == {"projector.weight", "projector.bias"} and "codebook centres" in frozen.held()


def test_a_projector_of_nothing_wants_the_centres_width() -> None:
    with pytest.raises(ValueError, match="latent_dim must be that"):
        build_quantizer(ProjectedL2Config(projector=ProjectorConfig(kind="none")), 8, torch.randn(32, 20))


def test_one_book_is_decoded_alone_beside_the_others_means() -> None:
    """FQGAN Figure 3: the tokens of one book, and of each other the mean of its codes."""
    config = FactorisedConfig(names=("a", "b", "c"), book=LearnedCodebookConfig(num_codes=5))
    quantizer = FactorisedCodebooks.build(config, 6, None)
    tokens = torch.randint(5, (2, 3, 4, 4))
    for book in range(3):
        shares = quantizer.decode_alone(tokens, book).split(2, dim=1)
        for i, (part, share) in enumerate(zip(quantizer.parts(), shares, strict=True)):
            rows = part.decode(torch.arange(5).view(1, 1, 5))[0, :, 0].T
            expected = rows[tokens[:, i]] if i == book else rows.mean(0).expand(2, 4, 4, 2)
            torch.testing.assert_close(share, expected.movedim(-1, 1))


@every_kind
def test_its_codes_are_a_table_of_each_book(config: QuantizerConfig, code_dim: int) -> None:
    quantizer = build(config, code_dim).published().eval()
    tables = code_tables(quantizer)
    assert len(tables) == quantizer.num_books and {len(table) for table in tables} == {quantizer.num_codes}
    tokens = torch.randint(quantizer.num_codes, (2, len(tables), 3, 3))
    latents = quantizer.decode(tokens if len(tables) > 1 else tokens[:, 0])
    rows = [table[part] for table, part in zip(tables, tokens.unbind(1), strict=True)]
    whole = torch.stack(rows).sum(0) if isinstance(quantizer, ResidualCodebooks) else torch.cat(rows, dim=-1)
    torch.testing.assert_close(latents, whole.movedim(-1, 1), rtol=0, atol=0)


@every_kind
def test_a_codebook_without_statistics_is_one_graph(config: QuantizerConfig, code_dim: int) -> None:
    quantizer, into = build(config, code_dim), nn.Conv2d(3, code_dim, 1)
    if quantizer.keeps_statistics:
        assert "ema" in repr(config).lower() or config.kind == "kmeans"
        return

    def loss() -> torch.Tensor:
        found = quantizer(into(torch.randn(2, 3, 4, 4)))
        return found.latents.square().mean() + found.loss

    check_compiles_once([quantizer], loss)
