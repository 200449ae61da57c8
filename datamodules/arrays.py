"""Reading and writing ``.npy`` files of plain numbers."""

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np

from smalti.npy_header import read_npy_header


def read_array(path: Path, mmap_mode: Literal["r", "r+"] | None = None) -> Any:
    """Returns the array in a ``.npy`` file, memory-mapped if ``mmap_mode`` is given.

    Raises:
        ValueError: the file is damaged, or holds objects, which only unpickling could read.
    """
    try:
        _check_size(path)
        array = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise ValueError("an archive")
    except (ValueError, EOFError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: not a plain array ({reason}); delete its folder and run again") from error
    return array


def _check_size(path: Path) -> None:
    """Raises ValueError unless a ``.npy`` file is as long as its header says: NumPy would ask for all the memory."""
    with path.open("rb") as file:
        shape, _, dtype = read_npy_header(file)
        expected = file.tell() + math.prod(shape) * dtype.itemsize
    if (there := path.stat().st_size) != expected:
        raise ValueError(f"{there} bytes, {expected} by its header")


def check_finite(array: np.ndarray, name: str) -> None:
    """Raises ValueError if a number in ``array``, which messages call ``name``, isn't finite."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        wrong = int((~np.isfinite(array)).sum())
        raise ValueError(f"{name}: {wrong} of {array.size} numbers aren't finite; they are of no use downstream")


def write_array(path: Path, array: np.ndarray) -> None:
    """Writes an array of plain numbers as a ``.npy`` file.

    Raises:
        ValueError: a number isn't finite.
    """
    check_finite(array, path.name)
    np.save(path, array, allow_pickle=False)
