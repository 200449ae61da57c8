"""Figures of many images from features of 2,048 channels: the Frechet distance beside SciPy's root of a matrix, and
precision and recall beside torch-fidelity's.

    python -m benchmarks.evaluation [--images 50000] [--reference 10000]

Each runs in a process of its own, whose peak memory is told, less that of one with the features alone.
"""

import argparse
import resource
import time
from collections.abc import Callable
from multiprocessing import get_context

import numpy as np
import scipy.linalg
import torch
from torch_fidelity.metric_prc import calculate_precision_recall_part

from smalti.metrics.frechet import FeatureStatistics, Statistics
from smalti.metrics.neighbours import manifold

WIDTH = 2048
Features = tuple[torch.Tensor, torch.Tensor]


def features(images: int, reference: int) -> Features:
    """Returns features like pooled ones: not negative, correlated, of two distributions that overlap."""
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(64, WIDTH, generator=generator)
    drawn = [torch.randn(number, 64, generator=generator) @ mix for number in (images, reference)]
    noise = [torch.randn(len(rows), WIDTH, generator=generator) for rows in drawn]
    return (drawn[0] * 0.95 + 2 * noise[0] + 0.1).relu(), (drawn[1] + 2 * noise[1]).relu()


def nothing(samples: torch.Tensor, reference: torch.Tensor) -> float:
    return 0.0


def ours(samples: torch.Tensor, reference: torch.Tensor) -> float:
    """Sums block by block, as images come, and the distance."""
    found = []
    for rows in (samples, reference):
        sums = FeatureStatistics(WIDTH)
        for block in rows.split(64):
            sums.update(block)
        found.append(Statistics(*sums.compute()))
    return found[0].distance(found[1])


def by_scipy(samples: torch.Tensor, reference: torch.Tensor) -> float:
    """NumPy's covariance and SciPy's sqrtm, as pytorch-fid and clean-fid have it."""
    a, b = (rows.numpy().astype(np.float64) for rows in (samples, reference))
    covariances = [np.cov(rows, rowvar=False) for rows in (a, b)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root))


def our_manifold(samples: torch.Tensor, reference: torch.Tensor) -> float:
    found = manifold(samples, reference)
    return found.precision + found.recall


def by_fidelity(samples: torch.Tensor, reference: torch.Tensor) -> float:
    return sum(calculate_precision_recall_part(samples, reference))


def measured(measure: Callable[..., float], images: int, reference: int) -> tuple[float, float, float]:
    """Returns the value, the seconds, and the peak memory in GB of this process."""
    given = features(images, reference)
    begun = time.perf_counter()
    value = measure(*given)
    seconds = time.perf_counter() - begun
    return value, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def alone(measure: Callable[..., float], images: int, reference: int) -> tuple[float, float, float]:
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (measure, images, reference))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--reference", type=int, default=10_000)
    options = parser.parse_args()
    numbers = options.images, options.reference
    base = alone(nothing, *numbers)[2]
    print(f"{numbers[0]:,} samples, {numbers[1]:,} of reference, {WIDTH:,} channels; {base:.1f} GB are the features")
    for what, own, peer, name in (
        ("Frechet distance", ours, by_scipy, "numpy.cov, scipy.linalg.sqrtm"),
        ("precision and recall", our_manifold, by_fidelity, "torch-fidelity, save_cpu_ram"),
    ):
        value, seconds, memory = alone(own, *numbers)
        print(f"{what}\n  {'smalti':32}{seconds:8.1f} s          {memory - base:5.2f} GB   {value:.9g}", flush=True)
        value, other, memory = alone(peer, *numbers)
        print(f"  {name:32}{other:8.1f} s  x{other / seconds:6.2f} {memory - base:5.2f} GB   {value:.9g}", flush=True)
