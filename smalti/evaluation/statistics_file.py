"""Means and covariances of features in a file, in place of images: as ADM, clean-fid and torch-fidelity keep them."""

import importlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from smalti.evaluation.npz import arrays_of, read_member
from smalti.metrics.frechet import Statistics

# ADM's names: of the features, and of the spatial ones that sFID takes.
NAMES = {"features": ("mu", "sigma"), "spatial": ("mu_s", "sigma_s")}
# What an array is pickled as; nothing else in a file is built.
NUMPY: list[Any] = [
    importlib.import_module("numpy._core.multiarray")._reconstruct, np.ndarray, np.dtype, np.dtypes.Float32DType,
    np.dtypes.Float64DType,
]  # fmt: skip


def holds_statistics(file: Path) -> bool:
    """Returns whether a file is one of statistics, by its suffix and by what an npz holds."""
    return file.suffix in (".pt", ".pth") or (file.suffix == ".npz" and file.is_file() and "mu" in arrays_of(file))


def read_statistics(file: Path) -> dict[str, Statistics]:
    """Returns by "features" and "spatial" the statistics in an npz of ``mu`` and ``sigma`` (clean-fid's; ADM's has
    ``mu_s`` and ``sigma_s`` too), or in what torch-fidelity caches (``.pt``).

    Raises:
        ValueError: none of these, or arrays that don't fit together.
    """
    arrays = _from_torch(file) if file.suffix != ".npz" else _from_npz(file)
    found = {}
    for tap, (mean_name, covariance_name) in NAMES.items():
        if mean_name not in arrays and covariance_name not in arrays:
            continue
        mean, covariance = (arrays.get(name) for name in (mean_name, covariance_name))
        if mean is None or covariance is None or mean.ndim != 1 or covariance.shape != (len(mean),) * 2:
            shapes = {name: list(arrays[name].shape) for name in (mean_name, covariance_name) if name in arrays}
            raise ValueError(f"{file}: {shapes}; {mean_name} (C,) and {covariance_name} (C, C) are needed")
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
            raise ValueError(f"{file}: {mean_name} or {covariance_name} isn't finite")
        found[tap] = Statistics(torch.from_numpy(mean).double(), torch.from_numpy(covariance).double())
    if "features" not in found:
        raise ValueError(f"{file}: holds no statistics (mu and sigma), but {', '.join(arrays) or 'nothing'}")
    return found


def _from_npz(file: Path) -> dict[str, np.ndarray]:
    names = {name for pair in NAMES.values() for name in pair}
    return {name: read_member(file, name) for name in arrays_of(file) if name in names}


def _from_torch(file: Path) -> dict[str, np.ndarray]:
    try:
        with torch.serialization.safe_globals(NUMPY):
            found = torch.load(file, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{file}: not statistics as torch-fidelity caches them ({reason})") from error
    if not isinstance(found, dict):
        raise ValueError(f"{file}: holds a {type(found).__name__}, expected mu and sigma")
    return {str(name): np.asarray(value) for name, value in found.items() if isinstance(value, np.ndarray | Tensor)}
