"""How much of what is real samples cover, and how many of them look real, by neighbours in feature space.

Features are float32; distances come from products of matrices in blocks: 50,000 x 10,000 x 2,048 take less than 2 GB.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from smalti.metrics.frechet import TooFewImages

NEIGHBOURS = 3  # of precision and recall (Kynkaanniemi et al. 2019, ADM's evaluator)
DENSITY_NEIGHBOURS = 5  # of density and coverage (Naeem et al. 2020)
COUNTED = {"precision, recall": NEIGHBOURS, "density, coverage": DENSITY_NEIGHBOURS}  # for protocols
FEWEST = max(COUNTED.values()) + 1  # images of either kind
BLOCK = 2**25  # distances held at once: 128 MB


@dataclass(frozen=True)
class Manifold:
    """``precision``: the share of samples within reach of a real image. ``recall``: the share of real images within
    reach of a sample (Kynkaanniemi et al. 2019). ``density``: how many real images reach a sample, of ``k`` expected
    ones. ``coverage``: the share of real images that reach a sample (Naeem et al. 2020). An image reaches as far as its
    k-th nearest neighbour among its own kind."""

    precision: float
    recall: float
    density: float
    coverage: float


def squared_distances(a: Tensor, b: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yields rows of ``a`` (N, C) and their squared distances (n, M) to all of ``b`` (M, C), block by block."""
    lengths = b.square().sum(1)
    for rows in _blocks(len(a), len(b)):
        distances = torch.addmm(lengths[None], a[rows], b.T, alpha=-2)
        yield rows, distances.add_(a[rows].square().sum(1, keepdim=True)).clamp_(min=0)


def _blocks(num_rows: int, num_columns: int) -> Iterator[slice]:
    size = max(1, BLOCK // max(1, num_columns))
    for start in range(0, num_rows, size):
        yield slice(start, min(start + size, num_rows))


def reaches(features: Tensor, ks: tuple[int, ...]) -> list[Tensor]:
    """Returns for each k the squared distance (N,) of features (N, C) to the k-th nearest other row."""
    found = features.new_empty(len(features), max(ks))
    for rows, distances in squared_distances(features, features):
        numbers = torch.arange(rows.start, rows.stop, device=features.device)
        distances[numbers - rows.start, numbers] = torch.inf  # itself, at 0 but for rounding
        found[rows] = distances.topk(max(ks), dim=1, largest=False, sorted=True).values
    return [found[:, k - 1] for k in ks]


def manifold(samples: Tensor, reference: Tensor, k: int = NEIGHBOURS, k_density: int = DENSITY_NEIGHBOURS) -> Manifold:
    """Returns the four figures of features of samples (M, C) against those of real images (N, C), with the ``k``-th
    neighbour for precision and recall and the ``k_density``-th for density and coverage.

    Raises:
        TooFewImages: fewer images than neighbours.

    >>> line = torch.arange(8.0)[:, None]
    >>> manifold(line, line)
    Manifold(precision=1.0, recall=1.0, density=1.25, coverage=1.0)
    """
    needed = max(k, k_density) + 1
    for name, features in (("samples", samples), ("reference", reference)):
        if len(features) < needed:
            raise TooFewImages(f"{len(features)} images of {name}: precision and recall need at least {needed}")
    centre = reference.mean(0)  # distances don't change, and float32 then loses less of them to cancellation
    samples, reference = samples - centre, reference - centre
    own_reach, density_reach = reaches(reference, (k, k_density))
    (sample_reach,) = reaches(samples, (k,))
    near, dense, covered, recalled = 0, 0, *(torch.zeros(len(reference), dtype=torch.bool) for _ in range(2))
    for rows, distances in squared_distances(samples, reference):
        near += int((distances <= own_reach).any(1).sum())
        within = distances <= density_reach
        dense += int(within.sum())
        covered |= within.any(0).cpu()
        recalled |= (distances <= sample_reach[rows, None]).any(0).cpu()
    return Manifold(
        precision=near / len(samples),
        recall=float(recalled.double().mean()),
        density=dense / (k_density * len(samples)),
        coverage=float(covered.double().mean()),
    )
