"""Random numbers that depend on (seed, index) alone."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from smalti.seeds import mix


def uniform(seed: int, indices: Sequence[int], shape: tuple[int, ...], purpose: str) -> Tensor:
    """Returns float64 noise in [0, 1), (len(indices), *shape), row i a function of (seed, purpose, indices[i]).

    Drawn on the CPU, so that it is the same on every device, in every batch and on every number of ranks.
    """
    return _rows(torch.rand, seed, indices, shape, purpose)


def normal(seed: int, indices: Sequence[int], shape: tuple[int, ...], purpose: str) -> Tensor:
    """Returns standard normal float64 noise (len(indices), *shape), row i a function of (seed, purpose, indices[i]).

    Drawn on the CPU as ``uniform`` is. A sampler of many steps names the step in its ``purpose``.
    """
    return _rows(torch.randn, seed, indices, shape, purpose)


def _rows(
    draw: Callable[..., Tensor], seed: int, indices: Sequence[int], shape: tuple[int, ...], purpose: str
) -> Tensor:
    rows = []
    for index in indices:
        generator = torch.Generator().manual_seed(mix(seed, purpose, index))
        rows.append(draw(shape, generator=generator, dtype=torch.float64))
    return torch.stack(rows) if rows else torch.zeros(0, *shape, dtype=torch.float64)


def gumbel(noise: Tensor) -> Tensor:
    """Returns standard Gumbel noise from uniform noise in [0, 1)."""
    return -torch.log(-torch.log(noise.clamp(1e-20, 1 - 1e-16)))
