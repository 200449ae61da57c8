"""Statistics of latents against NumPy's own."""

import numpy as np
import pytest

from smalti.metrics.latents import channel_statistics


def test_mean_and_deviation_are_numpys_however_rows_are_cut() -> None:
    values = (np.random.default_rng(0).standard_normal((7, 2, 3, 4, 4)) * [[[1]], [[10]], [[0.1]]] + 5).astype(
        np.float16
    )
    whole = values.astype(np.float64).transpose(2, 0, 1, 3, 4).reshape(3, -1)
    for chunks in ([values], [values[:2], values[2:]]):
        mean, deviation = channel_statistics(chunks)
        np.testing.assert_allclose(mean, whole.mean(1), rtol=1e-12)
        np.testing.assert_allclose(deviation, whole.std(1), rtol=1e-9)


def test_a_dead_channel_is_named() -> None:
    values = np.random.default_rng(0).standard_normal((3, 1, 4, 2, 2))
    values[:, :, 2] = 0.25
    with pytest.raises(ValueError, match=r"channel 2 of the latents is 0\.25 everywhere"):
        channel_statistics([values])
