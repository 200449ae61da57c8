"""The linear probe of tokens: its features written out, and planted classes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from configs.schema.classifier import ProbeConfig
from datamodules.rows import ShardRows
from smalti.codebooks import FactorisedCodebooks, FrozenCodebook
from stages.results import token_probe
from stages.results.token_probe import code_means, probe_tokens


def write_rows(folder: Path, tokens: np.ndarray, labels: np.ndarray) -> ShardRows:
    """Writes tokens (M, V, k, N), or (M, V, N), in shards of 10 rows; returns them."""
    (folder / "split").mkdir(parents=True)
    for number, start in enumerate(range(0, len(tokens), 10)):
        np.save(folder / "split" / f"tokens-{number:05d}.npy", tokens[start : start + 10].astype(np.uint16))
    np.save(folder / "split" / "labels.npy", labels)
    return ShardRows(folder, "split", "tokens")


def test_features_are_means_of_the_first_views_code_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two books of 3 and 2 channels on a grid of 4 x 4, in parts of 2 x 2; batches of 7 rows."""
    monkeypatch.setattr(token_probe, "BATCH", 7)
    random = np.random.default_rng(0)
    tokens = random.integers(0, 6, (25, 2, 2, 16))
    rows = write_rows(tmp_path, tokens, np.zeros(25, dtype=np.int64))
    books = [FrozenCodebook.of(torch.randn(6, width)) for width in (3, 2)]
    quantizer = FactorisedCodebooks(books, ("a", "b"), 0.0, lambda one, two: torch.zeros(()))
    chosen = np.array([0, 3, 9, 10, 11, 19, 20, 23, 24])
    found = code_means(rows, chosen, quantizer, (4, 4), 2)
    tables = [book.codebook.numpy() for book in books]
    for place, row in enumerate(chosen):
        vectors = np.concatenate([table[tokens[row, 0, i]] for i, table in enumerate(tables)], axis=1)  # (N, D)
        parts = vectors.reshape(2, 2, 2, 2, 5).mean((1, 3))  # row of parts, column of parts, D
        np.testing.assert_allclose(found[place], parts.transpose(2, 0, 1).ravel(), rtol=1e-5, atol=1e-6)


def test_classes_that_the_tokens_spell_are_told(tmp_path: Path) -> None:
    """Code c stands at every position of class c. A third of train is of class 0."""
    labels = np.arange(300) % 6 * (np.arange(300) % 5 > 0)
    rows = write_rows(tmp_path, np.broadcast_to(labels[:, None, None], (300, 1, 16)), labels)
    quantizer = FrozenCodebook.of(torch.eye(6))
    figures = probe_tokens(rows, rows, quantizer, (4, 4), 6, ProbeConfig(cells=2, max_images=200), seed=0)
    assert figures.top == {1: 1.0, 5: 1.0} and figures.num_train == 200
    counts = np.sort(np.bincount(labels))[::-1]
    assert figures.frequent == {1: pytest.approx(counts[0] / 300), 5: pytest.approx(counts[:5].sum() / 300)}
