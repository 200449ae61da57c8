"""Figures of many images from features of 2,048 channels: the Frechet distance beside SciPy's root of a matrix, and
precision and recall beside torch-fidelity's. Then the digests of images of 256 px, beside those of one thread.

    python -m benchmarks.evaluation [--images 50000] [--reference 10000]

Each figure runs in a process of its own, whose peak memory is told, less that of one with the features alone.
"""

import argparse
import math
import resource
import time
from collections.abc import Callable
from multiprocessing import get_context

import numpy as np
import scipy.linalg
import torch
from torch_fidelity.metric_prc import calculate_precision_recall_part

from smalti.evaluation.seen import Digests, hashed
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


def by_threads(batches: list[list[np.ndarray]]) -> None:
    digests = Digests()
    for images in batches:
        digests.add(images)
    digests.gather(torch.device("cpu"))


def by_one_thread(batches: list[list[np.ndarray]]) -> None:
    for images in batches:
        hashed(images)


def print_digests(repeats: int = 10) -> None:
    """Prints how many images of 256 px are hashed in a second, in batches of 64: the best of some repeats, in turn."""
    random = np.random.default_rng(0)
    batches = [list(random.integers(0, 256, (64, 256, 256, 3), dtype=np.uint8)) for _ in range(16)]
    seconds: dict[Callable[..., None], float] = {}
    for _ in range(repeats):
        for measure in (by_threads, by_one_thread):
            begun = time.perf_counter()
            measure(batches)
            seconds[measure] = min(seconds.get(measure, math.inf), time.perf_counter() - begun)
    own, one = (16 * 64 / seconds[measure] for measure in (by_threads, by_one_thread))
    print(f"digests of images\n  {'smalti':32}{own:8.0f} images/s")
    print(f"  {'one thread':32}{one:8.0f} images/s  x{own / one:6.2f}")


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
    print_digests()
