"""Codebooks that learn from statistics of the latents: moving averages and k-means."""

from typing import Any

import pytest
import torch

from smalti.codebooks import build_quantizer
from smalti.codebooks.moving import EmaCodebook
from smalti.codebooks.reestimated import KMeansCodebook
from smalti.config.codebooks import EmaCodebookConfig, KMeansCodebookConfig, LearnedCodebookConfig
from smalti.seeds import mix


def reestimated(config: KMeansCodebookConfig) -> tuple[KMeansCodebook, torch.Tensor]:
    """A codebook of three channels, and eight points that latents come from."""
    book = build_quantizer(config, 3, None)
    assert isinstance(book, KMeansCodebook)
    return book, torch.randn(8, 3) * 10


def test_moving_averages_are_the_float64_ones() -> None:
    config = EmaCodebookConfig(num_codes=6, decay=0.9)
    book = build_quantizer(config, 3, None)
    assert isinstance(book, EmaCodebook)
    counts, sums = torch.ones(6, dtype=torch.float64), book.table().double()
    for _ in range(5):
        latents = torch.randn(4, 3, 2, 2)
        result = book(latents)
        rows = latents.movedim(1, -1).reshape(-1, 3).double()
        for k in range(6):
            mine = rows[result.tokens.flatten() == k]
            counts[k] = 0.9 * counts[k] + 0.1 * len(mine)
            sums[k] = 0.9 * sums[k] + 0.1 * mine.sum(0)
    torch.testing.assert_close(book.table().double(), sums / counts[:, None], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(book.usage().double(), (counts - 0.9**5) / (1 - 0.9**5), atol=1e-5, rtol=1e-5)


def test_moving_averages_rest_in_eval_and_at_broken_latents() -> None:
    book = build_quantizer(EmaCodebookConfig(num_codes=6), 3, None)
    before = {name: value.clone() for name, value in book.state_dict().items()}
    book.eval()(torch.randn(4, 3, 2, 2))
    book.train()(torch.full((4, 3, 2, 2), float("nan")))
    assert all(torch.equal(value, before[name]) for name, value in book.state_dict().items())


def test_unused_rows_restart_from_the_batch() -> None:
    """Far latents choose one row; with restarts, the others come to them and usage rises."""

    def used(restart_below: float) -> int:
        torch.manual_seed(0)
        book = build_quantizer(EmaCodebookConfig(num_codes=16, restart_below=restart_below), 3, None)
        for _ in range(20):
            book(torch.randn(16, 3, 4, 4) + 10)
        return int((book(torch.randn(64, 3, 4, 4) + 10).counts > 0).sum())

    assert used(0.0) < 4 < 12 < used(0.5)


def test_rows_that_are_never_used_stay_where_they_are() -> None:
    """0.5^n leaves float32 after 150 updates, weights and sums at different times."""
    book = build_quantizer(EmaCodebookConfig(num_codes=8, decay=0.5), 3, None)
    assert isinstance(book, EmaCodebook)
    start = book.table().clone()
    latents = torch.randn(4, 3, 2, 2) + 10  # all choose one row
    for _ in range(400):
        tokens = book(latents).tokens
    (used,) = tokens.unique().tolist()
    others = torch.arange(8) != used
    torch.testing.assert_close(book.table()[others], start[others], rtol=1e-5, atol=0)
    assert (book.usage()[others] < 1e-5).all()
    torch.testing.assert_close(book.table()[used], latents.mean((0, 2, 3)))


def test_rows_are_watched_before_they_are_called_dead() -> None:
    """A tenth of a token an update can't be told from none before the tenth update."""
    book = build_quantizer(EmaCodebookConfig(num_codes=64, decay=0.9, restart_below=0.1), 3, None)
    assert isinstance(book, EmaCodebook)
    for update in range(1, 11):
        book(torch.randn(4, 3, 2, 2) + 10)
        assert bool((book.start_weight == 1).any()) == (update >= 10), update
        if update == 10:  # 16 latents for 63 dead rows: each is drawn several times, and no two rows are equal
            assert len(book.table().unique(dim=0)) == 64


def test_a_second_estimate_keeps_the_rows_places() -> None:
    """The decoder and the average of the weights know rows by their number."""
    config = KMeansCodebookConfig(num_codes=8, warmup=1, every=2, until=10, reservoir=256)
    book, clusters = reestimated(config)
    before = book.codebook.detach().clone()
    moved = []
    for _ in range(6):
        book(clusters[torch.randint(8, (64,))].view(64, 3, 1, 1) + 0.5 * torch.randn(64, 3, 1, 1))
        if not torch.equal(book.codebook, before):
            moved.append(torch.cdist(book.codebook, before).argmin(1))
            before = book.codebook.detach().clone()
    assert len(moved) == 3
    # Rows that share a cluster may pass each other; from another start all would be shuffled.
    assert all((places == torch.arange(8)).float().mean() >= 0.75 for places in moved[1:]), moved


def test_broken_latents_do_not_get_into_the_reservoir() -> None:
    book = build_quantizer(KMeansCodebookConfig(num_codes=4, warmup=0, every=2, reservoir=64), 3, None)
    assert isinstance(book, KMeansCodebook)
    for value in (0.0, float("nan"), 1.0):
        book(torch.randn(8, 3, 2, 2) + value)
    assert book.reservoir.isfinite().all() and int(book.filled) == 64 and book.codebook.isfinite().all()


@pytest.mark.parametrize("kind", [EmaCodebookConfig, LearnedCodebookConfig])
def test_a_book_begins_as_vqgan_s(kind: Any) -> None:
    """Uniform within 1 / K of 0 (taming/modules/vqvae/quantize.py)."""
    book = build_quantizer(kind(num_codes=50), 8, None)
    rows = book.published().codebook * 50  # type: ignore[union-attr]
    assert -1 <= rows.min() < -0.95 and 0.95 < rows.max() <= 1 and rows.mean().abs() < 0.1


def test_the_reservoir_is_filled_by_the_seed() -> None:
    """Of more latents than it holds, by the seed and the step."""
    rows, kept = torch.randn(256, 3, 1, 1, requires_grad=True), []
    for seed in (0, 0, 1):
        book = build_quantizer(KMeansCodebookConfig(num_codes=4, warmup=9, reservoir=64, seed=seed), 3, None)
        assert isinstance(book, KMeansCodebook)
        for _ in range(2):
            book(rows)
            kept.append(book.reservoir.clone())
    assert torch.equal(kept[0], kept[2]) and torch.equal(kept[1], kept[3])
    assert not kept[0].requires_grad, "each batch's graph would be kept"
    assert not torch.equal(kept[0], kept[4]) and not torch.equal(kept[0], kept[1])


def test_any_seed_is_one_that_faiss_takes() -> None:
    """It has 31 bits there."""
    seed = next(seed for seed in range(99) if mix(seed, "kmeans") % 2**32 >= 2**31)
    book, clusters = reestimated(KMeansCodebookConfig(num_codes=8, warmup=0, reservoir=64, seed=seed))
    before = book.codebook.detach().clone()
    book(clusters.repeat(8, 1).view(64, 3, 1, 1))
    assert not torch.equal(book.codebook, before)


def test_reestimated_codebook_passes_latents_then_takes_centres() -> None:
    config = KMeansCodebookConfig(num_codes=8, warmup=2, every=2, until=10, reservoir=256)
    book, clusters = reestimated(config)
    start = book.codebook.detach().clone()

    def batch() -> torch.Tensor:
        return (clusters[torch.randint(8, (64,))] + 0.01 * torch.randn(64, 3)).view(64, 3, 1, 1)

    for _ in range(2):
        latents = batch()
        assert torch.equal(book(latents).latents, latents)
        assert torch.equal(book.codebook, start)
    book(batch())
    distance = torch.cdist(clusters, book.codebook).amin(1)
    assert distance.median() < 0.1, "rows stand at the clusters"
    assert len(book.eval().encode(clusters.view(8, 3, 1, 1)).unique()) >= 6
