"""K-means by faiss, as stage codebook runs it, beside scikit-learn's from the same start.

    python -m benchmarks.kmeans

200,000 points of 112 dimensions, 4,096 centroids, 20 iterations. The objective is the mean squared distance.
"""

import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans

from configs.schema.codebook import CodebookConfig
from smalti.config.features import EfficientNetLiteConfig
from stages.training.clustering import kmeans, save

POINTS, WIDTH, CENTRES, ITERATIONS = 200_000, 112, 4096, 20


def objective(points: np.ndarray, centres: np.ndarray) -> float:
    """Returns the mean squared distance to the nearest centre, in float64 sums."""
    index = faiss.IndexFlatL2(points.shape[1])
    index.add(centres)
    return float(index.search(points, 1)[0].astype(np.float64).mean())


if __name__ == "__main__":
    random = np.random.default_rng(0)
    hubs = random.normal(size=(600, WIDTH)) * 2
    points = (hubs[random.integers(600, size=POINTS)] + random.normal(size=(POINTS, WIDTH))).astype(np.float32)
    start = points[random.permutation(POINTS)[:CENTRES]].copy()
    results = {}

    begun = time.perf_counter()
    settings = CodebookConfig(features=EfficientNetLiteConfig(), tap="block2", num_codes=CENTRES, iterations=ITERATIONS)
    with tempfile.TemporaryDirectory() as folder:
        progress = Path(folder, "progress.npz")
        save(progress, start, [])  # from which kmeans continues
        centres, _ = kmeans(points, CENTRES, settings, False, progress)
    results["smalti (faiss)"] = time.perf_counter() - begun, objective(points, centres)

    begun = time.perf_counter()
    full = KMeans(CENTRES, init=start, n_init=1, max_iter=ITERATIONS, tol=0, algorithm="lloyd").fit(points)
    results["scikit-learn KMeans"] = time.perf_counter() - begun, objective(points, full.cluster_centers_)

    begun = time.perf_counter()
    batches = MiniBatchKMeans(CENTRES, init=start, n_init=1, max_iter=ITERATIONS, batch_size=8192).fit(points)
    results["scikit-learn MiniBatchKMeans"] = time.perf_counter() - begun, objective(points, batches.cluster_centers_)

    base = results["smalti (faiss)"]
    print(f"{POINTS} points of {WIDTH}, {CENTRES} centres, {ITERATIONS} iterations")
    for name, (seconds, value) in results.items():
        print(f"  {name:32}{seconds:8.1f} s  x{seconds / base[0]:6.2f}   objective {value:.4f}  x{value / base[1]:.4f}")
