"""Codebooks: gradients, entropy."""

import math

import pytest
import torch

from smalti.codebooks import build_quantizer
from smalti.codebooks.entropy import assignment_entropies
from smalti.config.codebooks import (
    LearnedCodebookConfig,
    LearnedCosineConfig,
    LookupFreeConfig,
    ProjectedCosineConfig,
    ProjectedL2Config,
    RandomCodebookConfig,
)


def test_entropy_and_its_gradient_equal_the_dense_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.codebooks.entropy.ROWS", 64 * 10)  # ten rows at a time
    latents = torch.randn(100, 4, dtype=torch.float64, requires_grad=True)
    codebook = torch.randn(64, 4, dtype=torch.float64, requires_grad=True)
    mean = torch.softmax(-torch.cdist(latents, codebook).square() / 0.7, dim=1).mean(0)
    expected = -(mean * mean.log()).sum()
    each = torch.softmax(-torch.cdist(latents, codebook).square() / 0.7, dim=1)
    for found, wanted in zip(
        assignment_entropies(latents, codebook, 0.7), (expected, -(each * each.log()).sum(1).mean()), strict=True
    ):
        torch.testing.assert_close(found, wanted)
        gradients = torch.autograd.grad(wanted, (latents, codebook), retain_graph=True)
        for a, b in zip(torch.autograd.grad(found, (latents, codebook), retain_graph=True), gradients, strict=True):
            torch.testing.assert_close(a, b)


def test_entropy_with_the_published_epsilon_equals_the_dense_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """-sum p log(p + epsilon), as LlamaGen's compute_entropy_loss has it; most codes' shares lie below epsilon."""
    monkeypatch.setattr("smalti.codebooks.entropy.ROWS", 512 * 10)
    latents = torch.randn(100, 4, dtype=torch.float64, requires_grad=True)
    codebook = torch.randn(512, 4, dtype=torch.float64, requires_grad=True)
    each = torch.softmax(-torch.cdist(latents, codebook).square() / 0.01, dim=1)
    mean = each.mean(0)
    assert (mean < 1e-5).double().mean() > 0.5
    wanted = (-(mean * (mean + 1e-5).log()).sum(), -(each * each.clamp(min=1e-300).log()).sum(1).mean())
    found = assignment_entropies(latents, codebook, 0.01, epsilon=1e-5)
    gradients = [torch.autograd.grad(terms[0] - terms[1], (latents, codebook)) for terms in (found, wanted)]
    torch.testing.assert_close(torch.stack(found), torch.stack(wanted))
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("config", [LearnedCosineConfig, LookupFreeConfig])
def test_epsilon_turns_the_gradient_of_codes_below_it(config: type) -> None:
    """A recipe's epsilon reaches the loss. 1e-5 does at 2^18 codes, of share 4e-6, what 1e-2 does at 2^10."""

    def gradient(epsilon: float) -> torch.Tensor:
        torch.manual_seed(0)
        terms = {"entropy_weight": 1.0, "commitment_weight": 0.0, "entropy_temperature": 0.1}
        quantizer = build_quantizer(config(num_codes=2**10, entropy_epsilon=epsilon, **terms), 10, None).train()
        latents = torch.randn(1, 10, 8, 8).mul_(0.3).requires_grad_()
        (found,) = torch.autograd.grad(quantizer(latents).loss, latents)
        return found.flatten()

    assert torch.cosine_similarity(gradient(0.0), gradient(1e-2), dim=0) < 0.99


def test_entropy_of_a_collapsed_codebook_has_a_finite_gradient() -> None:
    """Every other code is so far that its share is 0 in float32, whose logarithm has no slope."""
    latents = (torch.randn(50, 4) * 0.01).requires_grad_()
    codebook = torch.cat([torch.zeros(1, 4), torch.randn(7, 4) * 30]).requires_grad_()
    of_mean, mean_of = assignment_entropies(latents, codebook, 0.01)
    assert of_mean.item() == 0 and mean_of.item() == 0
    for gradient in torch.autograd.grad(of_mean + mean_of, (latents, codebook)):
        assert gradient.isfinite().all()


def test_entropy_regulariser_raises_usage() -> None:
    """SeQ-GAN section 3.4 on a toy: points of few clusters, codes that start together. With the printed sign
    (+ gamma H) usage would fall instead."""

    def usage(weight: float) -> float:
        torch.manual_seed(0)
        points = torch.randn(512, 4) * 2
        config = LearnedCodebookConfig(num_codes=64, entropy_weight=weight)
        quantizer = build_quantizer(config, 4, None)
        optimizer = torch.optim.Adam(quantizer.parameters(), lr=0.05)
        for _ in range(60):
            loss = quantizer(points.view(512, 4, 1, 1)).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return (quantizer(points.view(512, 4, 1, 1)).counts > 0).float().mean().item()

    assert usage(0.5) > usage(0.0) + 0.2 > usage(-0.5)


def test_straight_through_and_the_side_of_beta() -> None:
    """beta weighs the encoder's commitment (SeQ-GAN eq. 2), not the codebook term as in taming's default."""
    config = LearnedCodebookConfig(num_codes=16, entropy_weight=0.0)
    quantizer = build_quantizer(config, 4, None)
    latents = torch.randn(2, 4, 3, 3, requires_grad=True)
    result = quantizer(latents)
    (gradient,) = torch.autograd.grad(result.latents.sum(), latents, retain_graph=True)
    torch.testing.assert_close(gradient, torch.ones_like(latents))
    torch.testing.assert_close(result.latents, quantizer.decode(result.tokens))
    commitment = (latents - quantizer.decode(result.tokens)).square().mean()
    (expected,) = torch.autograd.grad(0.25 * commitment, latents)
    (found,) = torch.autograd.grad(result.loss, latents)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("config", [ProjectedL2Config(), ProjectedCosineConfig()])
def test_projected_codebook_trains_the_projector_alone(config: ProjectedL2Config | ProjectedCosineConfig) -> None:
    quantizer = build_quantizer(config, 8, torch.randn(32, 20))
    result = quantizer(torch.randn(2, 8, 4, 4))
    result.loss.backward()
    assert {name for name, p in quantizer.named_parameters() if p.grad is not None} == {
        "projector.weight",
        "projector.bias",
    }
    assert result.counts.sum() == 32


def test_cosine_codes_have_length_root_d() -> None:
    quantizer = build_quantizer(ProjectedCosineConfig(), 8, torch.randn(32, 20))
    torch.testing.assert_close(quantizer.table().norm(dim=1), torch.full((32,), math.sqrt(8)))


def test_projected_codebook_without_centres_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the input 'codebook'"):
        build_quantizer(ProjectedL2Config(), 8, None)


def test_tokens_survive_decode_and_encode() -> None:
    quantizer = build_quantizer(LearnedCodebookConfig(num_codes=32), 8, None)
    tokens = torch.randint(32, (2, 4, 4))
    assert torch.equal(quantizer.encode(quantizer.decode(tokens)), tokens)


def test_random_rows_are_vqgans_and_stay() -> None:
    """VQGAN-LC's "random initialisation": uniform in +-1/K, moved by nothing; the commitment alone is left."""
    quantizer = build_quantizer(RandomCodebookConfig(num_codes=64), 8, None).train()
    rows = quantizer.published().state_dict()["codebook"]
    assert rows.abs().max() <= 1 / 64 and abs(rows.std().item() * 64 - 3**-0.5) < 0.05  # of a uniform distribution
    assert not list(quantizer.parameters())
    latents = torch.randn(2, 8, 3, 3, requires_grad=True)
    result = quantizer(latents)
    torch.testing.assert_close(result.loss, 0.25 * (result.codes.detach() - latents).square().mean())
    assert torch.equal(quantizer.published().state_dict()["codebook"], rows)
