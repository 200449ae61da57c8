"""K-means of patch features by faiss, with one group of points in memory at a time (VQGAN-LC section 3.2).

M points, C channels, K centres.
"""

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
from torch.nn import functional as F

from configs.schema.codebook import CodebookConfig
from smalti.codebooks.search import nearest_codes
from smalti.seeds import mix

Points = Callable[[], np.ndarray]  # reads a group's points (M, C); k-means copies them unless they are float32


@dataclass(frozen=True)
class Clustering:
    """Centres (K, C) float32, and a report of them as JSON values."""

    centres: np.ndarray
    report: dict[str, Any]


def kmeans(
    points: np.ndarray, num_codes: int, config: CodebookConfig, on_gpu: bool, progress: Path
) -> tuple[np.ndarray, list[float]]:
    """Returns centres (K, C) and the objective of each iteration, by faiss on the CPU or on all GPUs.

    The file ``progress`` holds the centres of the last iteration, so that a killed k-means continues with the next.
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    centres, objective = load(progress) if progress.exists() else (None, [])
    algorithm = faiss.Kmeans(
        points.shape[1],
        num_codes,
        niter=1,
        seed=config.seed + 1,  # to faiss 0 means "not set"
        spherical=config.spherical,
        min_points_per_centroid=1,
        max_points_per_centroid=len(points),  # the sample has been drawn already
        gpu=on_gpu,
    )
    for _ in range(len(objective), config.iterations):
        algorithm.train(points, init_centroids=centres)
        assert algorithm.centroids is not None and algorithm.obj is not None
        centres, objective = algorithm.centroids.copy(), [*objective, float(algorithm.obj[0])]
        if len(objective) < config.iterations:  # the caller saves the last centres, as the group's
            save(progress, centres, objective)
    assert centres is not None
    return centres, objective


def save(file: Path, centres: np.ndarray, objective: list[float]) -> None:
    """Writes centres and objective in one step, which a power cut can't halve."""
    partial = file.with_suffix(".tmp.npz")
    with partial.open("wb") as stream:
        np.savez(stream, centres=centres, objective=np.array(objective))
        stream.flush()
        os.fsync(stream.fileno())
    partial.rename(file)


def load(file: Path) -> tuple[np.ndarray, list[float]]:
    """Returns the centres and the objective that ``save`` wrote.

    Raises:
        ValueError: the file is damaged, or holds anything but plain numbers.
    """
    try:
        with np.load(file, allow_pickle=False) as saved:
            return saved["centres"], saved["objective"].tolist()
    except (ValueError, EOFError, OSError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{file}: not the centres of a group ({reason}); delete it, and the same command makes them again"
        ) from error


def selected(
    points: np.ndarray, num_codes: int, config: CodebookConfig, on_gpu: bool, progress: Path
) -> tuple[np.ndarray, list[float]]:
    """Returns a seeded choice of ``num_codes`` points: "random selection" in VQGAN-LC's Table 6."""
    random = np.random.Generator(np.random.PCG64(mix(config.seed, "selected")))
    chosen = np.sort(random.permutation(len(points))[:num_codes])
    return points[chosen].astype(np.float32), []


def gaussian(
    points: np.ndarray, num_codes: int, config: CodebookConfig, on_gpu: bool, progress: Path
) -> tuple[np.ndarray, list[float]]:
    """Returns draws from N(0, 1) as wide as the points, and independent of them: SimVQ's, and VQGAN-LC's "random"."""
    random = np.random.Generator(np.random.PCG64(mix(config.seed, "gaussian")))
    return random.standard_normal((num_codes, points.shape[1]), dtype=np.float32), []


CENTRES = {"kmeans": kmeans, "selected": selected, "gaussian": gaussian}


def backend_for(config: CodebookConfig, on_gpu: bool) -> tuple[str, bool]:
    """Returns the name of faiss's version and devices, and whether the devices are GPUs.

    Raises:
        ValueError: the features ran on CUDA, but faiss sees no GPU.
    """
    gpus = faiss.get_num_gpus() if hasattr(faiss, "get_num_gpus") else 0
    if on_gpu and not gpus and not config.faiss_on_cpu:
        raise ValueError(
            "the features ran on CUDA, but this faiss sees no GPU: install faiss-gpu (make install FAISS=gpu), or set "
            "faiss_on_cpu: true"
        )
    uses_gpus = on_gpu and gpus > 0
    return f"faiss {faiss.__version__} on {f'{gpus} GPUs' if uses_gpus else 'CPU'}", uses_gpus


def share_of_a_group(num_codes: int, num_groups: int) -> int:
    """Returns how many centres each group gets; raises ValueError if the groups don't divide the codes."""
    share, remainder = divmod(num_codes, num_groups)
    if remainder:
        raise ValueError(f"balance class: {num_codes} codes don't divide by {num_groups} labelled classes")
    return share


def check_points(name: str, num_points: int, share: int) -> None:
    """Raises ValueError if a group has fewer points than centres."""
    if num_points < share:
        raise ValueError(f"{name}: codebook of {share} codes from {num_points} points: give more images or fewer codes")


def cluster(groups: Mapping[str, Points], config: CodebookConfig, on_gpu: bool, work: Path) -> Clustering:
    """Clusters each group into its share of the centres; the files in ``work`` let a killed run continue.

    Raises:
        ValueError: the groups don't divide the codes, or a group, which is named, has fewer points than centres.
    """
    backend, uses_gpus = backend_for(config, on_gpu)
    share = share_of_a_group(config.num_codes, len(groups))
    work.mkdir(parents=True, exist_ok=True)
    parts = []
    for number, (name, read) in enumerate(groups.items()):
        file = work / f"{number:06d}.npz"
        if not file.exists():
            points, progress = read(), file.with_suffix(".part.npz")
            check_points(name, len(points), share)
            save(file, *CENTRES[config.centres](points, share, config, uses_gpus, progress))
            del points  # before the next group, or the report, is read into memory
            progress.unlink(missing_ok=True)
        parts.append(load(file))
    centres = np.concatenate([part for part, _ in parts])
    objective = [float(sum(values)) for values in zip(*(values for _, values in parts), strict=True)]
    device = torch.device("cuda" if uses_gpus else "cpu")
    return Clustering(centres, report((read() for read in groups.values()), centres, objective, backend, device))


def report(
    groups: Iterator[np.ndarray], centres: np.ndarray, objective: list[float], backend: str, device: torch.device
) -> dict[str, Any]:
    """Returns points per centroid, empty clusters, duplicate centres, the objective by iteration and the cosine of each
    centre to its nearest neighbour, as JSON values; ``device`` does the search."""
    table = torch.from_numpy(centres).to(device)
    counts = torch.zeros(len(centres), dtype=torch.int64)
    for points in groups:
        for start in range(0, len(points), 65_536):
            part = torch.from_numpy(points[start : start + 65_536].astype(np.float32)).to(device)
            counts += torch.bincount(nearest_codes(part, table), minlength=len(centres)).cpu()
    unit = F.normalize(table, dim=1)
    cosines = []
    for start in range(0, len(unit), 1024):
        similarity = unit[start : start + 1024] @ unit.T
        similarity[torch.arange(len(similarity)), torch.arange(start, start + len(similarity))] = -2
        cosines.append(similarity.amax(1))
    cosine = torch.cat(cosines).cpu().numpy()
    return {
        "backend": backend,
        "num_points": int(counts.sum()),
        "empty": int((counts == 0).sum()),
        "duplicates": len(centres) - len(np.unique(centres, axis=0)),
        "points_per_centroid": {
            "min": int(counts.min()), "median": float(counts.double().median()), "max": int(counts.max()),
        },
        "objective": objective,
        "nearest_pair_cosine": {
            "min": float(cosine.min()), "median": float(np.median(cosine)), "max": float(cosine.max()),
        },
    }  # fmt: skip


def whiten(centres: np.ndarray) -> np.ndarray:
    """Returns centres (K, C) with zero mean, and unit variance along each principal axis (PCA whitening).

    Raw features vary along few directions, and a projector to few dimensions would see only these. Axes with less than
    1e-6 of the largest variance are left as they are.
    """
    centred = centres.astype(np.float64) - centres.mean(0, dtype=np.float64)
    variance, axes = np.linalg.eigh(np.cov(centred.T))
    scale = 1 / np.sqrt(np.where(variance > 1e-6 * variance.max(), variance, 1.0))
    return ((centred @ axes) * scale).astype(np.float32)
