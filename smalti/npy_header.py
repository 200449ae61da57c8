"""The header of a ``.npy`` file."""

from typing import IO, Any

import numpy as np

READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Returns shape, whether columns come first, and type of the array that follows in a stream.

    Raises:
        ValueError: no such header, or one of another version than NumPy writes for plain arrays.
    """
    version = np.lib.format.read_magic(stream)
    if version not in READERS:
        raise ValueError(f"version {version}")
    return READERS[version](stream)
