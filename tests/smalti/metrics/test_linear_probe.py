"""Top-k accuracy against torchmetrics; the probe on classes whose separability is known."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_accuracy

from smalti.metrics.linear_probe import LinearProbe, grid_means
from smalti.metrics.top_k import among_top, frequent_share


@pytest.mark.parametrize("k", [1, 5])
def test_top_k_is_that_of_torchmetrics(k: int) -> None:
    scores, labels = torch.randn(500, 12), torch.randint(12, (500,))
    expected = multiclass_accuracy(scores, labels, num_classes=12, average="micro", top_k=k)
    assert float(among_top(scores, labels, k).float().mean()) == pytest.approx(float(expected), abs=1e-6)


def test_frequent_classes_are_those_of_train() -> None:
    assert frequent_share(np.array([3, 3, 1, 1, 1, 0]), np.array([1, 3, 0, 2]), 1) == 0.25
    assert frequent_share(np.array([3, 3, 1, 1, 1, 0]), np.array([1, 3, 0, 2]), 5) == 0.75


def test_means_over_parts_of_the_grid() -> None:
    vectors = torch.randn(2, 3, 8, 8)
    expected = vectors.unflatten(3, (4, 2)).unflatten(2, (4, 2)).mean((3, 5)).flatten(1)
    torch.testing.assert_close(grid_means(vectors, 4), expected)
    torch.testing.assert_close(grid_means(vectors, 8), vectors.flatten(1))
    assert grid_means(torch.randn(2, 3, 6, 6), 4).shape == (2, 48)
    with pytest.raises(ValueError, match="9 x 9 cells: the grid is 8 x 8; give fewer"):
        grid_means(vectors, 9)


def test_classes_apart_are_told_and_noise_is_not() -> None:
    """Ten Gaussians of deviation 1 whose means are 20 apart; and features that say nothing of ten balanced classes."""
    random = np.random.default_rng(0)
    labels = np.arange(2000) % 10
    features = 20.0 * np.eye(10)[labels] + random.normal(size=(2000, 10))
    probe = LinearProbe(features[:1000], labels[:1000], 10)
    assert probe.accuracy(features[1000:], labels[1000:], 1) == 1
    nothing = random.normal(size=(2000, 10))
    probe = LinearProbe(nothing[:1000], labels[:1000], 10)
    assert abs(probe.accuracy(nothing[1000:], labels[1000:], 1) - 0.1) < 0.05
    assert abs(probe.accuracy(nothing[1000:], labels[1000:], 5) - 0.5) < 0.08


def test_a_class_that_was_never_seen_is_the_least_likely() -> None:
    labels = np.array([0, 2] * 50)
    features = labels[:, None] + np.random.default_rng(0).normal(size=(100, 1)) / 10
    probe = LinearProbe(features, labels, 3)
    assert probe.accuracy(features, np.ones(100, dtype=np.int64), 2) == 0
    assert probe.accuracy(features, np.ones(100, dtype=np.int64), 3) == 1
    with pytest.raises(ValueError, match="a linear probe of 1 class"):
        LinearProbe(features, np.zeros(100, dtype=np.int64), 3)
