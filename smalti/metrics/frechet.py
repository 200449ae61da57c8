"""Frechet distance between two sets of features."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics import Metric


def symmetric_root(matrix: Tensor) -> Tensor:
    """Returns the root of a symmetric positive semi-definite matrix; eigenvalues below 0 are rounding: 0."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def frechet_distance(mean1: Tensor, covariance1: Tensor, mean2: Tensor, covariance2: Tensor) -> Tensor:
    """Returns |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), float64 (Heusel et al. 2017, eq. 6).

    tr (S1 S2)^(1/2) is the sum of the roots of the eigenvalues of S1^(1/2) S2 S1^(1/2), which is symmetric: no complex
    parts can come up.

    >>> one = torch.eye(2, dtype=torch.float64)
    >>> round(frechet_distance(torch.zeros(2), one, torch.tensor([3.0, 4.0]), 4 * one).item(), 6)  # 25 + 2 (1 - 2)^2
    27.0
    """
    mean1, covariance1, mean2, covariance2 = (x.double() for x in (mean1, covariance1, mean2, covariance2))
    root = symmetric_root(covariance1)
    cross = torch.linalg.eigvalsh(root @ covariance2 @ root).clamp(min=0).sqrt().sum()
    return (mean1 - mean2).square().sum() + covariance1.trace() + covariance2.trace() - 2 * cross


class TooFewImages(ValueError):
    """Too few for a figure: for a covariance, say, which would be rank-deficient noise."""


def check_enough(width: int, number: int) -> None:
    """Raises TooFewImages for fewer than two images a channel."""
    if number < 2 * width:
        raise TooFewImages(
            f"Frechet distance over {width} channels needs at least {2 * width} images, there are {number}; name a "
            f"tap with at most {number // 2} channels, or give more images"
        )


@dataclass(frozen=True)
class Statistics:
    """``mean`` (C,) and ``covariance`` (C, C) float64 of ``number`` images; None: nobody wrote down of how many."""

    mean: Tensor
    covariance: Tensor
    number: int | None = None

    def distance(self, other: "Statistics") -> float:
        """Returns the Frechet distance to another set, seen by the same network.

        Raises:
            TooFewImages: fewer than two images a channel in either, where the number is known.
            ValueError: another number of channels.
        """
        width = len(self.mean)
        if width != len(other.mean):
            raise ValueError(f"statistics of {width} and of {len(other.mean)} channels: they are of two networks")
        check_enough(width, min(number for number in (self.number, other.number, 2 * width) if number is not None))
        return float(frechet_distance(self.mean, self.covariance, other.mean, other.covariance))


class FeatureStatistics(Metric):
    """Mean and covariance of features, as float64 sums over all ranks."""

    full_state_update = False
    number: Tensor
    total: Tensor
    outer: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.add_state("number", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("total", torch.zeros(width, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("outer", torch.zeros(width, width, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, features: Tensor) -> None:
        """Adds features (B, C)."""
        features = features.double()
        self.number += len(features)
        self.total += features.sum(0)
        self.outer += features.T @ features

    def compute(self) -> tuple[Tensor, Tensor, int]:
        """Returns mean (C,), unbiased covariance (C, C) and the number of images; NaN of fewer than two."""
        number = int(self.number)
        mean = self.total / self.number
        covariance = (self.outer - number * torch.outer(mean, mean)) / (self.number - 1)
        return mean, covariance, number


def distance_between(a: FeatureStatistics, b: FeatureStatistics) -> float:
    """Returns the Frechet distance between two sets that were collected with the same network.

    Raises:
        TooFewImages: fewer than two images a channel in either.
    """
    return Statistics(*a.compute()).distance(Statistics(*b.compute()))
