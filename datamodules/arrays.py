"""Reading ``.npy`` files of plain numbers."""

from pathlib import Path
from typing import Any, Literal

import numpy as np


def read_array(path: Path, mmap_mode: Literal["r", "r+"] | None = None) -> Any:
    """Returns the array in a ``.npy`` file, memory-mapped if ``mmap_mode`` is given.

    Raises:
        ValueError: the file is damaged, or holds objects, which only unpickling could read.
    """
    try:
        array = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise ValueError("an archive")
    except (ValueError, EOFError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: not a plain array ({reason}); delete its folder and run again") from error
    return array
