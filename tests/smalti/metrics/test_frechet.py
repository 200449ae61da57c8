"""Frechet distance against closed forms and another library."""

import numpy as np
import pytest
import scipy.linalg
import torch

from smalti.metrics.frechet import FeatureStatistics, distance_between, frechet_distance


def statistics(features: torch.Tensor) -> FeatureStatistics:
    metric = FeatureStatistics(features.shape[1])
    for part in features.split(7):
        metric.update(part)
    return metric


def test_distance_of_a_set_with_itself_is_zero() -> None:
    features = torch.randn(64, 8)
    assert abs(distance_between(statistics(features), statistics(features))) < 1e-9


def test_gaussians_with_common_axes_have_a_closed_form() -> None:
    mean, a, b = torch.randn(5), torch.rand(5) + 0.1, torch.rand(5) + 0.1
    expected = mean.double().square().sum() + (a.double().sqrt() - b.double().sqrt()).square().sum()
    found = frechet_distance(torch.zeros(5), torch.diag(a), mean, torch.diag(b))
    torch.testing.assert_close(found, expected)


def test_sums_and_distance_agree_with_numpy_and_scipy() -> None:
    one, two = torch.randn(200, 6) @ torch.randn(6, 6) + 20, torch.randn(150, 6) @ torch.randn(6, 6) + 21
    a, b = one.double().numpy(), two.double().numpy()
    ca, cb = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(ca @ cb).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca + cb - 2 * root)
    assert distance_between(statistics(one), statistics(two)) == pytest.approx(expected, rel=1e-6)


def test_too_few_images_are_refused_with_the_widest_tap_that_works() -> None:
    with pytest.raises(
        ValueError, match=r"over 8 channels needs at least 16 images, there are 12; name a tap with at most 6"
    ):
        distance_between(statistics(torch.randn(40, 8)), statistics(torch.randn(12, 8)))
