"""Vectors on a plane."""

import numpy as np
import pytest
import torch

from smalti.views.code_map import map_codes, on_plane


def test_three_far_clusters_stay_together() -> None:
    random = np.random.default_rng(0)
    groups = np.arange(60) % 3
    places = on_plane(random.normal(size=(60, 6)) + 40 * np.eye(3, 6)[groups], seed=0)
    distances = np.square(places[:, None] - places).sum(-1) + np.diag(np.full(60, np.inf))
    assert places.dtype == np.float32 and (groups[distances.argmin(1)] == groups).all()


@pytest.mark.parametrize("vectors", [np.zeros((8, 3)), np.arange(8.0)[:, None]], ids=["all alike", "of one number"])
def test_vectors_without_a_plane_of_their_own_are_placed(vectors: np.ndarray) -> None:
    assert np.isfinite(on_plane(vectors, seed=0)).all()


def test_too_few_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="4 vectors: t-SNE needs at least 5"):
        on_plane(np.zeros((4, 2)), seed=0)


def test_used_codes_are_the_active_ones_and_many_are_drawn_from() -> None:
    table, counts = torch.randn(400, 4), np.arange(400) % 4 // 3  # every fourth code is used
    found = map_codes(table, counts, most=100, seed=1)
    assert len(found.codes) == len(set(found.codes)) == 100 and found.usage == 0.25
    np.testing.assert_array_equal(found.active, found.codes % 4 == 3)
    assert 10 < found.active.sum() < 40
    np.testing.assert_array_equal(map_codes(table, counts, 100, 1).places, found.places)
