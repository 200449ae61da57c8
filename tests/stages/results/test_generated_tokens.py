"""The tokens of samples are all counted, each book on its own."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from smalti.artifact import Artifact
from stages.results import generated_tokens
from stages.results.generated_tokens import count_generated, generated_usage


@pytest.mark.parametrize("num_books", [1, 2])
def test_every_token_of_every_shard_is_counted(num_books: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy counts them too; usage, entropy and perplexity are written out."""
    monkeypatch.setattr(generated_tokens, "ROWS", 3)
    tokens = np.random.default_rng(0).integers(0, 20, (7, num_books, 6)).astype(np.uint16)
    tokens[:, -1] //= 2  # the last book uses codes 0 to 9 alone
    (tmp_path / "ar").mkdir()
    for number, part in enumerate((tokens[:5], tokens[5:])):
        np.save(tmp_path / "ar" / f"tokens-{number:05d}.npy", part if num_books > 1 else part[:, 0])
    np.save(tmp_path / "ar" / "images-00000.npy", np.zeros(3))
    facts = {"num_books": num_books, "num_codes": 25, "priors": ["ar"]}
    samples: Any = SimpleNamespace(path=tmp_path, facts=facts)

    expected = np.stack([np.bincount(tokens[:, book].ravel(), minlength=25) for book in range(num_books)])
    assert np.array_equal(count_generated(samples, "ar"), expected)
    figures = generated_usage(samples)["ar"]
    shares = expected / expected.sum(1, keepdims=True)
    entropies = [-sum(p * np.log(p) for p in row if p) for row in shares]
    assert figures["usage"] == pytest.approx((expected > 0).mean())
    assert figures["entropy"] == pytest.approx(np.mean(entropies))
    assert figures["perplexity"] == pytest.approx(np.mean(np.exp(entropies)))
    assert (num_books == 1) == ("usage/1" not in figures)


def test_smokes_samples_are_counted(smoke: dict[str, Artifact]) -> None:
    generation = smoke["scores"].facts["generation"]
    for prior in ("ar", "nar"):
        tokens = np.load(smoke["samples"].file(f"{prior}/tokens-00000.npy"))
        assert generation[f"{prior}/codebook"]["usage"] == pytest.approx(len(np.unique(tokens)) / 64)
