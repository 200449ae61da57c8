"""Kernel distances against their definitions in NumPy, and torch-fidelity's own call."""

import numpy as np
import pytest
import torch

from smalti.metrics.kernel import clip_distance, kernel_distance


def test_kid_is_the_unbiased_distance_of_the_cubic_kernel() -> None:
    """Of subsets that are the whole sets, each of the hundred is the same number (Binkowski et al. 2018, eq. 4)."""
    a, b = torch.randn(60, 5), torch.randn(60, 5) + 0.5
    x, y = a.double().numpy(), b.double().numpy()

    def kernel(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return (p @ q.T / 5 + 1) ** 3

    def off_diagonal(table: np.ndarray) -> float:
        return (table.sum() - np.trace(table)) / (60 * 59)

    expected = off_diagonal(kernel(x, x)) + off_diagonal(kernel(y, y)) - 2 * kernel(x, y).mean()
    found = kernel_distance(a, b, subset=60)
    assert found["mean"] == pytest.approx(expected, rel=1e-9) and found["std"] == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="60 samples and 60 reference images: KID takes subsets of 1000"):
        kernel_distance(a, b)


def test_cmmd_is_the_biased_distance_of_the_gaussian_kernel() -> None:
    a, b = 3 * torch.randn(40, 8), torch.randn(30, 8) + 1
    x, y = (v.double().numpy() / np.linalg.norm(v.double().numpy(), axis=1, keepdims=True) for v in (a, b))

    def mean_kernel(p: np.ndarray, q: np.ndarray) -> float:
        return float(np.exp(-((p[:, None] - q[None]) ** 2).sum(-1) / (2 * 10**2)).mean())

    expected = 1000 * (mean_kernel(x, x) + mean_kernel(y, y) - 2 * mean_kernel(x, y))
    assert clip_distance(a, b) == pytest.approx(expected, rel=1e-9)
