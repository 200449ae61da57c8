"""The nearest code, beside distances in float64."""

import pytest
import torch
from torch import Tensor

from smalti.codebooks import search
from smalti.codebooks.search import nearest_codes


def excess(latents: Tensor, codebook: Tensor) -> float:
    """Returns how much farther the worst chosen code is than the nearest, relatively, by distances in float64."""
    distance = torch.cdist(latents.double(), codebook.double()).square()
    chosen = distance.gather(1, nearest_codes(latents, codebook)[:, None]).squeeze(1)
    return float(((chosen - distance.amin(1)) / distance.amin(1)).max())


@pytest.mark.parametrize("offset", [0.0, 20.0])
@pytest.mark.parametrize(("num_codes", "channels"), [(3000, 8), (9000, 3), (700, 40), (5000, 256)])
def test_chosen_code_is_the_nearest_in_float64(num_codes: int, channels: int, offset: float) -> None:
    assert excess(torch.randn(512, channels) + offset, torch.randn(num_codes, channels) + offset) < 1e-6


@pytest.mark.parametrize("num_codes", [1, 2, 3, 5, 31, 32, 33, 64, 65, 127, 4095, 4096, 4097, 8225])
def test_codes_are_found_wherever_they_lie(num_codes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each code is the nearest of its own place: at the borders of cells, groups, tiles and chunks too."""
    monkeypatch.setattr(search, "SCORES", 2**14)
    codebook = torch.randn(num_codes, 8)
    assert torch.equal(nearest_codes(codebook + 1e-4, codebook), torch.arange(num_codes))


def test_of_codes_that_float32_cannot_tell_apart_the_nearest_is_chosen() -> None:
    """Pairs of codes a hundredth apart, 100 from the origin: squares there are exact to a hundredth at best."""
    codebook = (torch.randn(2000, 8) * 30 + 100).repeat_interleave(2, 0)
    codebook[1::2, 0] += 1e-2
    latents = codebook + torch.tensor([[0.004] + [0.0] * 7])  # on the side of its own code
    latents[1::2, 0] -= 0.008
    assert torch.equal(nearest_codes(latents, codebook), torch.arange(4000))


def test_search_is_float32_under_autocast() -> None:
    latents, codebook = torch.randn(256, 8), torch.randn(4096, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = nearest_codes(latents, codebook)
    assert torch.equal(found, nearest_codes(latents, codebook))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_types(dtype: torch.dtype) -> None:
    assert excess(torch.randn(64, 8).to(dtype), torch.randn(300, 8).to(dtype)) < 1e-6


def test_latents_that_are_not_finite_get_some_code() -> None:
    """The loss is refused then; the lookup must not fail before."""
    latents = torch.full((3, 8), torch.nan)
    latents[1] = torch.inf
    found = nearest_codes(latents, torch.randn(70, 8))
    assert found.shape == (3,) and found.min() >= 0 and found.max() < 70


def test_no_latents_have_no_codes() -> None:
    found = nearest_codes(torch.empty(0, 8), torch.randn(5, 8))
    assert found.shape == (0,) and found.dtype == torch.int64
