"""Sines and cosines of times and of places, which networks read in place of numbers (Vaswani et al. 2017)."""

import math

import torch
from torch import Tensor


def time_features(times: Tensor, num_features: int) -> Tensor:
    """Returns cosines, then sines of times (B,) at frequencies from 1 down to nearly 1 / 10,000: (B, num_features), in
    the times' type, at least float32; ``num_features`` is even.

    >>> time_features(torch.zeros(1), 4).tolist()
    [[1.0, 1.0, 0.0, 0.0]]
    """
    times = times.to(torch.promote_types(times.dtype, torch.float32))
    half = num_features // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=times.dtype, device=times.device) / half)
    angles = times[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def grid_features(grid: tuple[int, int], num_features: int) -> Tensor:
    """Returns features (h w, num_features) float32 of the places of a grid in raster order, made in float64: sines and
    cosines of the column, then of the row, a quarter each (MAE's, which DiT took over); ``num_features`` is a multiple
    of 4.

    >>> [[round(x, 2) for x in row] for row in grid_features((1, 2), 4).tolist()]
    [[0.0, 1.0, 0.0, 1.0], [0.84, 0.54, 0.0, 1.0]]
    """
    quarter = num_features // 4
    frequencies = 10000 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    rows, columns = (torch.arange(side, dtype=torch.float64) for side in grid)
    row, column = (place.flatten()[:, None] * frequencies for place in torch.meshgrid(rows, columns, indexing="ij"))
    return torch.cat([column.sin(), column.cos(), row.sin(), row.cos()], dim=1).float()
