"""Pairs of token maps: functions of (seed, position) alone."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.mixed_tokens import LabelledTokens, MixedTokens
from datamodules.rows import ShardRows, TrainingRows
from datamodules.tokens import token_batch


@pytest.fixture
def rows(tmp_path: Path) -> ShardRows:
    """100 images, whose tokens say which one they are; the label is that number modulo 10."""
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
        numbers = np.arange(100, dtype=np.uint16)
        np.save(tmp_path / split / "tokens-00000.npy", np.broadcast_to(numbers[:, None, None], (100, 2, 4)))
        np.save(tmp_path / split / "labels.npy", numbers.astype(np.int64) % 10)
    return ShardRows(tmp_path, "train", "tokens")


def test_a_pair_is_a_function_of_seed_and_position(rows: ShardRows) -> None:
    one, other, another = MixedTokens(rows, 3, 0.8), MixedTokens(rows, 3, 0.8), MixedTokens(rows, 4, 0.8)
    backwards = {position: other[position] for position in reversed(range(250))}
    for position, item in ((position, one[position]) for position in range(250)):
        assert all(torch.equal(value, backwards[position][name]) for name, value in item.items())
        assert item["partner_tokens"][0, 0] % 10 == item["partner_labels"]
        assert item["tokens"][0, 0] % 10 == item["labels"] and item["position"] == position
    assert any(one[p]["share"] != another[p]["share"] for p in range(9))


def test_the_first_image_is_that_of_an_unmixed_training_and_partners_pass_evenly(rows: ShardRows) -> None:
    plain, mixed = TrainingRows(rows, token_batch, 3), MixedTokens(rows, 3, 0.8)
    items = [mixed[position] for position in range(300)]
    assert all(torch.equal(item["tokens"], plain[p]["tokens"]) for p, item in enumerate(items))
    partners = [int(item["partner_tokens"][0, 0]) for item in items]
    assert sorted(partners[:100]) == sorted(partners[200:]) == list(range(100))
    assert np.mean([int(item["tokens"][0, 0]) == p for item, p in zip(items, partners, strict=True)]) < 0.05


def test_shares_follow_their_beta_distribution(rows: ShardRows) -> None:
    """Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)); within 4 standard errors."""
    mixed = MixedTokens(rows, 0, 0.8)
    shares = np.array([float(mixed[position]["share"]) for position in range(4000)])
    assert shares.min() >= 0 and shares.max() <= 1
    variance = 1 / (4 * 2.6)
    assert abs(shares.mean() - 0.5) < 4 * (variance / 4000) ** 0.5
    fourth = np.mean((shares - 0.5) ** 4)
    assert abs(shares.var() - variance) < 4 * ((fourth - variance**2) / 4000) ** 0.5


def test_without_mixup_there_are_no_partners(rows: ShardRows, tmp_path: Path) -> None:
    settings = {"batch_size": 4, "accumulation": 1, "seed": 0, "workers": 0}
    assert isinstance(LabelledTokens(tmp_path, **settings, mixup=0.8).training_rows(), MixedTokens)
    assert "share" not in LabelledTokens(tmp_path, **settings, mixup=0.0).training_rows()[0]
