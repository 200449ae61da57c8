"""Noise that depends on (seed, purpose, index) alone."""

import pytest
import torch
from scipy.stats import gumbel_r

from smalti.samplers.noise import gumbel, normal, uniform


@pytest.mark.parametrize("draw", [normal, uniform])
def test_a_row_is_a_function_of_seed_purpose_and_index(draw) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    whole = draw(7, [0, 1, 2, 3], (2, 3), "step 5")
    assert whole.shape == (4, 2, 3) and whole.dtype == torch.float64
    assert torch.equal(draw(7, [2, 0], (2, 3), "step 5"), whole[[2, 0]])
    assert draw(7, [], (2, 3), "step 5").shape == (0, 2, 3)
    for other in (draw(8, [0], (2, 3), "step 5"), draw(7, [0], (2, 3), "step 4"), whole[1:2]):
        assert not torch.equal(other, whole[:1])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_normal_noise_is_standard() -> None:
    noise = normal(0, range(200), (100,), "start")
    assert abs(noise.mean().item()) < 3 / 20000**0.5
    assert abs(noise.var().item() - 1) < 3 * (2 / 20000) ** 0.5


def test_gumbel_noise_is_its_distributions_quantile() -> None:
    """-ln(-ln u), and finite at both ends of [0, 1), which uniform noise may reach."""
    found = gumbel(torch.tensor([0.0, 0.1, 0.5, 0.9, 1 - 2**-53], dtype=torch.float64))
    expected = gumbel_r.ppf([1e-20, 0.1, 0.5, 0.9, 1 - 2**-53])
    torch.testing.assert_close(found, torch.from_numpy(expected))
