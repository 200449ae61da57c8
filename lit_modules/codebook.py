"""Codebook initialisation: patch features of a pretrained network, clustered by faiss (VQGAN-LC section 3.2)."""

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
import torch
from einops import rearrange
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.nn import functional as F

from configs.stages import CodebookConfig
from metrics.reconstruction import from_uint8
from networks.features import FeatureNetwork
from networks.frozen import Frozen
from networks.quantizers.search import nearest_codes


class LitCodebook(LightningModule):
    """Predicts patch features (B, P, C) float16 of images."""

    def __init__(self, features: Frozen[FeatureNetwork], tap: str, pool: int | None) -> None:
        super().__init__()
        self.features, self.tap, self.pool = features, tap, pool

    def extract(self, images: Tensor) -> Tensor:
        """Returns patch features (B, P, C) float32 of images (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: a tap without positions.
        """
        x = self.features(images, [self.tap])[self.tap]
        if x.ndim != 4:
            raise ValueError(f"tap {self.tap!r} has no positions; a codebook needs a feature map")
        if self.pool is not None:
            x = F.adaptive_avg_pool2d(x, self.pool)
        return rearrange(x, "b c h w -> b (h w) c")

    @torch.no_grad()
    def shape(self, image_size: int) -> tuple[int, int]:
        """Returns (P, C) for images of ``image_size``."""
        patches, width = self.extract(torch.zeros(1, 3, image_size, image_size)).shape[1:]
        return patches, width

    def on_predict_start(self) -> None:
        self.features.to(self.device)

    def predict_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        images = from_uint8(batch["images"][:, 0])
        return self.extract(images).half()


@dataclass(frozen=True)
class Clustering:
    """Centres (K, C) float32 and what is worth knowing of them, as JSON values."""

    centres: np.ndarray
    report: dict[str, Any]


def kmeans(points: np.ndarray, num_codes: int, config: CodebookConfig, on_gpu: bool) -> tuple[np.ndarray, list[float]]:
    """Returns centres (K, C) and the objective of each iteration; faiss on the CPU or on all GPUs.

    Raises:
        ValueError: fewer points than centres.
    """
    if len(points) < num_codes:
        raise ValueError(f"codebook of {num_codes} codes from {len(points)} points: give more images or fewer codes")
    algorithm = faiss.Kmeans(
        points.shape[1],
        num_codes,
        niter=config.iterations,
        seed=config.seed + 1,  # faiss takes 0 for "not set"
        spherical=config.spherical,
        min_points_per_centroid=1,
        max_points_per_centroid=config.points_per_centroid,
        gpu=on_gpu,
    )
    algorithm.train(np.ascontiguousarray(points, dtype=np.float32))
    assert algorithm.centroids is not None
    return algorithm.centroids.copy(), [float(value) for value in np.asarray(algorithm.obj)]


def cluster(points: np.ndarray, labels: np.ndarray, config: CodebookConfig, on_gpu: bool) -> Clustering:
    """Clusters points (M, P, C) with labels (M,), over all points or class by class.

    Raises:
        ValueError: too few points; classes that don't divide the codes; faiss without GPU in a CUDA run.
    """
    gpus = faiss.get_num_gpus() if hasattr(faiss, "get_num_gpus") else 0
    if on_gpu and not gpus and not config.faiss_on_cpu:
        raise ValueError(
            "the features ran on CUDA, but this faiss sees no GPU: install faiss-gpu (make FAISS=gpu), or set "
            "faiss_on_cpu: true"
        )
    backend = f"faiss {faiss.__version__} on {gpus} GPUs" if on_gpu and gpus else f"faiss {faiss.__version__} on CPU"
    flat = rearrange(points, "m p c -> (m p) c").astype(np.float32)
    if config.balance == "class":
        parts, objective = [], np.zeros(config.iterations)
        classes = np.unique(labels)
        share, rest = divmod(config.num_codes, len(classes))
        if rest or classes[0] < 0:
            raise ValueError(f"balance class: {config.num_codes} codes don't divide by {len(classes)} labelled classes")
        for label in classes:
            mine = rearrange(points[labels == label], "m p c -> (m p) c")
            centres, values = kmeans(mine, share, config, on_gpu and gpus > 0)
            parts.append(centres)
            objective += np.array(values)
        centres, values = np.concatenate(parts), objective.tolist()
    else:
        centres, values = kmeans(flat, config.num_codes, config, on_gpu and gpus > 0)
    return Clustering(centres, report(flat, centres, values, backend))


def report(points: np.ndarray, centres: np.ndarray, objective: list[float], backend: str) -> dict[str, Any]:
    """Returns points per centroid, empty clusters, objective by iteration and nearest-pair cosine, as JSON values."""
    nearest = nearest_codes(torch.from_numpy(points), torch.from_numpy(centres))
    counts = torch.bincount(nearest, minlength=len(centres)).numpy()
    unit = F.normalize(torch.from_numpy(centres), dim=1)
    cosines = []
    for start in range(0, len(unit), 1024):
        similarity = unit[start : start + 1024] @ unit.T
        similarity[torch.arange(len(similarity)), torch.arange(start, start + len(similarity))] = -2
        cosines.append(similarity.amax(1))
    cosine = torch.cat(cosines).numpy()
    return {
        "backend": backend,
        "num_points": len(points),
        "empty": int((counts == 0).sum()),
        "points_per_centroid": {
            "min": int(counts.min()), "median": float(np.median(counts)), "max": int(counts.max()),
        },
        "objective": objective,
        "nearest_pair_cosine": {
            "min": float(cosine.min()), "median": float(np.median(cosine)), "max": float(cosine.max()),
        },
    }  # fmt: skip


def whiten(centres: np.ndarray) -> np.ndarray:
    """Returns centres (K, C) with zero mean, and unit variance along each principal axis (PCA whitening).

    Raw features vary along few directions, and a projector to few dimensions then sees those alone. Axes with less
    than 1e-6 of the largest variance are left as they are.
    """
    centred = centres.astype(np.float64) - centres.mean(0, dtype=np.float64)
    variance, axes = np.linalg.eigh(np.cov(centred.T))
    scale = 1 / np.sqrt(np.where(variance > 1e-6 * variance.max(), variance, 1.0))
    return ((centred @ axes) * scale).astype(np.float32)
