"""Residual codebooks as RQ-VAE trains them, computed again in float64."""

import numpy as np
import torch

from smalti.codebooks import build_quantizer
from smalti.codebooks.moving import EmaCodebook
from smalti.codebooks.residual import ResidualCodebooks
from smalti.config.codebooks import EmaCodebookConfig, LearnedCodebookConfig, ResidualConfig


def test_a_shared_table_of_averages_moves_once_for_each_book() -> None:
    """Book i assigns what is left by the table as it stands, and then moves it: n <- g n + (1 - g) c, the sums alike.

    The order is that of RQ-VAE's code, whose residual is taken by the rows of before the move.
    """
    config = ResidualConfig(num_books=3, book=EmaCodebookConfig(num_codes=6, decay=0.9))
    quantizer = build_quantizer(config, 4, None).train()
    (book,) = quantizer.books  # type: ignore[union-attr]
    assert isinstance(book, EmaCodebook)
    sums, counts = book.sums.double().numpy(), np.ones(6)
    random = torch.Generator().manual_seed(0)
    for _ in range(5):
        latents = torch.randn(3, 4, 2, 2, generator=random)
        result = quantizer(latents)
        left = latents.movedim(1, -1).reshape(-1, 4).double().numpy()
        terms, tokens = [], []
        for _ in range(3):
            table = sums / counts[:, None]
            chosen = np.square(left[:, None] - table[None]).sum(2).argmin(1)
            one_hot = np.eye(6)[chosen]
            sums = 0.9 * sums + 0.1 * one_hot.T @ left
            counts = 0.9 * counts + 0.1 * one_hot.sum(0)
            left = left - table[chosen]
            terms.append(np.square(left).mean())
            tokens.append(chosen.reshape(3, 2, 2))
        assert np.array_equal(result.tokens.numpy(), np.stack(tokens, 1))
        np.testing.assert_allclose(book.table().double().numpy(), sums / counts[:, None], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(result.loss.item(), 0.25 * np.mean(terms), rtol=1e-5)  # commitment of each depth


def test_the_commitment_is_to_the_sum_of_the_codes_so_far() -> None:
    """RQ-VAE eq. 8: the mean over depths of |z - sg(e_1 + ... + e_i)|^2, with gradient to z alone."""
    quantizer = build_quantizer(ResidualConfig(num_books=2, book=EmaCodebookConfig(num_codes=5)), 3, None).eval()
    latents = torch.randn(2, 3, 2, 2, requires_grad=True)
    result = quantizer(latents)
    assert isinstance(quantizer, ResidualCodebooks)
    codes = torch.stack([book.decode(result.tokens[:, i]) for i, book in enumerate(quantizer.parts())]).cumsum(0)
    expected = 0.25 * torch.stack([(latents - code).square().mean() for code in codes]).mean()
    torch.testing.assert_close(result.loss, expected)
    gradients = [torch.autograd.grad(loss, latents)[0] for loss in (result.loss, expected)]
    torch.testing.assert_close(*gradients)


def test_restarted_rows_are_what_is_left_of_latents() -> None:
    """A shared table that nothing comes near is drawn anew: from latents for the first book, from residuals after."""
    config = ResidualConfig(num_books=2, book=EmaCodebookConfig(num_codes=64, restart_below=1.0))
    quantizer = build_quantizer(config, 4, None).train()
    latents = torch.randn(8, 4, 4, 4)
    first = quantizer(latents).counts.count_nonzero(1)
    for _ in range(20):
        used = quantizer(latents).counts.count_nonzero(1)
    assert (used > 30).all() and (used > first).all()


def test_books_that_learn_by_gradient_are_trained_each() -> None:
    config = ResidualConfig(num_books=2, book=LearnedCodebookConfig(num_codes=5, entropy_weight=0), shared=False)
    quantizer = build_quantizer(config, 3, None).train()
    quantizer(torch.randn(4, 3, 2, 2)).loss.backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in quantizer.parameters())
