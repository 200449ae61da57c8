"""Precision, recall, density and coverage against scikit-learn's neighbours and the definitions written out."""

import numpy as np
import pytest
import torch
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors

from smalti.metrics import neighbours
from smalti.metrics.neighbours import manifold


def expected(samples: np.ndarray, real: np.ndarray, k: int, k_density: int) -> list[float]:
    """By the formulas of Kynkaanniemi et al. (2019), eq. 1 to 3, and Naeem et al. (2020), eq. 4 and 5, in float64."""

    def reach(points: np.ndarray, k: int) -> np.ndarray:
        return NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points)[0][:, k]

    between = pairwise_distances(samples, real)
    precision = (between <= reach(real, k)[None]).any(1).mean()
    recall = (reach(samples, k)[None] >= between.T).any(1).mean()
    within = between <= reach(real, k_density)[None]
    return [precision, recall, within.sum() / (k_density * len(samples)), within.any(0).mean()]


@pytest.mark.parametrize("block", [2**25, 1000, 1], ids=["one block", "several", "a row each"])
@pytest.mark.parametrize(("k", "k_density"), [(3, 5), (1, 2)])
def test_figures_are_those_of_the_definitions(
    k: int, k_density: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", block)
    samples, real = torch.randn(150, 6) + 100.7, torch.randn(110, 6) + 100
    found = manifold(samples, real, k, k_density)
    figures = [found.precision, found.recall, found.density, found.coverage]
    assert figures == pytest.approx(expected(samples.double().numpy(), real.double().numpy(), k, k_density), abs=1e-12)
    assert all(0 < figure < 1 for figure in figures)


def test_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="5 images of samples: precision and recall need at least 6"):
        manifold(torch.randn(5, 2), torch.randn(9, 2))
