"""Images in an npz, read as they are asked for: 50,000 of them have 10 GB."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from smalti.npy_header import read_npy_header

IMAGES, LABELS = "arr_0", "arr_1"  # as ADM's sampling scripts write them


def write_images(file: Path, shape: tuple[int, ...], blocks: Iterable[bytes], labels: np.ndarray) -> None:
    """Writes an npz of ``arr_0``, images of ``shape`` (M, H, W, 3) uint8 whose bytes come in ``blocks``, and ``arr_1``,
    their labels (M,), as ADM's sampling scripts do; never more than a block in memory."""
    with zipfile.ZipFile(file, "w") as archive:
        with archive.open(f"{IMAGES}.npy", "w", force_zip64=True) as stream:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            for block in blocks:
                stream.write(block)
        with archive.open(f"{LABELS}.npy", "w") as stream:
            np.lib.format.write_array(stream, labels, allow_pickle=False)


class NpzSet:
    """``arr_0`` of an npz, (N, H, W, 3) uint8; ``arr_1`` are the labels, if it is there."""

    def __init__(self, file: Path) -> None:
        """
        Raises:
            ValueError: an npz of something else, or none.
        """
        self.name, self.file = str(file), file
        self.members = arrays_of(file)
        if IMAGES not in self.members:
            raise ValueError(f"{file}: has no {IMAGES}, but {', '.join(self.members)}; images are (N, H, W, 3) uint8")
        self.shape, dtype = self.members[IMAGES]
        if dtype != np.uint8 or len(self.shape) != 4 or self.shape[3] != 3 or not all(self.shape):
            raise ValueError(
                f"{file}: {IMAGES} is {list(self.shape)} {dtype}; images are (N, H, W, 3) uint8, with levels 0 to 255"
            )
        self._stream: IO[bytes] | None = None
        self._at = 0

    @staticmethod
    def is_in(file: Path) -> bool:
        """Returns whether an npz holds images, besides what else."""
        return IMAGES in arrays_of(file)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def labels(self) -> np.ndarray | None:
        if LABELS not in self.members or self.members[LABELS][0] != (len(self),):
            return None
        return read_member(self.file, LABELS)

    def read(self, start: int, stop: int) -> list[np.ndarray]:
        """Returns images (H, W, 3) uint8, stop - start of them; quickest in their order."""
        if self._stream is None or start < self._at:
            self._stream, self._at = _open_member(self.file, IMAGES), 0
        height, width, channels = self.shape[1:]
        one = height * width * channels
        while self._at < start:  # a compressed file can't be entered in its middle
            self._at += len(self._bytes(self._stream, min(64, start - self._at) * one)) // one
        pixels = np.frombuffer(self._bytes(self._stream, (stop - start) * one), np.uint8)
        self._at = stop
        return list(pixels.reshape(-1, height, width, channels))

    def _bytes(self, stream: IO[bytes], size: int) -> bytes:
        try:
            data = stream.read(size)
        except (OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{self.file}: damaged ({error})") from error
        if len(data) != size:
            raise ValueError(f"{self.file}: damaged (it ends after {len(data)} of {size} bytes)")
        return data


def arrays_of(file: Path) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Returns shape and type of each array in an npz, without reading it.

    Raises:
        ValueError: it is damaged, or holds objects, which only unpickling could read.
    """
    found = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                with archive.open(member) as stream:
                    found[member.removesuffix(".npy")] = _header(stream)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file}: not an npz of plain arrays ({' '.join(str(error).split())})") from error
    return found


def read_member(file: Path, name: str) -> np.ndarray:
    """Returns one array of an npz, whole."""
    with np.load(file, allow_pickle=False) as archive:
        return np.asarray(archive[name])


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    shape, columns_first, dtype = read_npy_header(stream)
    if dtype.hasobject or (columns_first and len(shape) > 2):
        raise ValueError("objects" if dtype.hasobject else "Fortran order")
    return shape, dtype


def _open_member(file: Path, name: str) -> IO[bytes]:
    stream = zipfile.ZipFile(file).open(f"{name}.npy")  # noqa: SIM115 (read on, call by call)
    _header(stream)
    return stream
