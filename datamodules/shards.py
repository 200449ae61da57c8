"""Shards of rows: written by many processes, resumable, and memory-mapped for reading at random.

A row has one array or several, such as an image and its tokens. ``<name>-00000.npy`` and so on hold ``rows_per_shard``
rows of one array each; the single ``state.npy`` says whether a row is pending, written or dropped. A row is marked only
when the bytes of all its arrays are on the disk, so that neither a killed writer nor a failed node leaves a mark on a
row that isn't there, or half there; they lose the rows of the last SYNC_EVERY seconds.
"""

import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.arrays import check_finite, read_array
from smalti.byte_size import byte_size

PENDING, WRITTEN, DROPPED = 0, 1, 2
SYNC_EVERY = 5.0  # seconds; to sync after each batch would hold up fast networks on slow disks


@dataclass(frozen=True)
class RowArray:
    """Shape and type of one array of a row."""

    shape: tuple[int, ...]
    dtype: str


class ShardWriter:
    """Writes rows of the named ``arrays`` into a folder, which all ranks share."""

    def __init__(self, folder: Path, arrays: Mapping[str, RowArray], rows: int, rows_per_shard: int) -> None:
        self.folder, self.arrays, self.rows, self.rows_per_shard = folder, dict(arrays), rows, rows_per_shard
        self.unmarked: list[tuple[np.ndarray, np.ndarray]] = []  # written rows and their states
        self.last_sync = time.monotonic()

    def create(self) -> None:
        """Allocates the files that aren't there yet, and makes dropped rows pending again, since it may be the disk
        that failed, and those whose file was taken away. Rank 0 alone calls it, before any rank writes.

        Raises:
            ValueError: the disk has no room for all rows.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._check_room()
        lost = np.zeros(self.rows, dtype=bool)
        for number, start in enumerate(range(0, self.rows, self.rows_per_shard)):
            rows = min(self.rows_per_shard, self.rows - start)
            for name, array in self.arrays.items():
                new = self._allocate(self.path(name, number), (rows, *array.shape), np.dtype(array.dtype))
                lost[start : start + rows] |= new
        self._allocate(self._marks, (self.rows,), np.dtype(np.uint8))  # last: without it nothing was written yet
        again = np.flatnonzero(lost | (self.state() == DROPPED))
        _write_rows(self._marks, again, np.full(len(again), PENDING, dtype=np.uint8))

    def _check_room(self) -> None:
        row = 1 + sum(math.prod(array.shape) * np.dtype(array.dtype).itemsize for array in self.arrays.values())
        there = sum(file.stat().st_size for file in self.folder.glob("*.npy"))
        needed, free = self.rows * row - there, shutil.disk_usage(self.folder).free
        if needed > free:
            raise ValueError(
                f"{self.folder}: {self.rows:,} rows take {byte_size(self.rows * row)}, {byte_size(free)} are "
                "free; make room and run the same command again"
            )

    def _allocate(self, path: Path, shape: tuple[int, ...], dtype: np.dtype) -> bool:
        """Returns whether the file had to be made."""
        if path.exists():
            return False
        temporary = path.with_suffix(".tmp")
        array: Any = np.lib.format.open_memmap(temporary, mode="w+", dtype=dtype, shape=shape)
        array.flush()
        try:
            with temporary.open("r+b") as file:  # now: on a full disk, a later write to a hole is a bus error
                os.posix_fallocate(file.fileno(), 0, temporary.stat().st_size)
        except OSError as error:
            size = byte_size(temporary.stat().st_size)
            temporary.unlink()
            raise ValueError(
                f"{path}: cannot reserve {size} ({os.strerror(error.errno or 0)}); make room and run the same "
                "command again"
            ) from error
        temporary.rename(path)
        return True

    def path(self, name: str, number: int) -> Path:
        return self.folder / f"{name}-{number:05d}.npy"

    @property
    def _marks(self) -> Path:
        return self.folder / "state.npy"

    def state(self) -> Any:
        return read_array(self._marks, "r")

    def pending(self) -> np.ndarray:
        """Returns the rows that are still to be written."""
        return np.flatnonzero(self.state() == PENDING)

    def write(self, rows: np.ndarray, values: Mapping[str, np.ndarray], good: np.ndarray) -> None:
        """Writes each array of ``values`` to ``rows`` and drops the rows that aren't ``good``.

        ``flush`` marks them; every SYNC_EVERY seconds this method calls it.

        Raises:
            ValueError: an array is missing or unknown, has another shape or type than the rows, and would overwrite
                other ones, or holds a number that isn't finite.
        """
        if values.keys() != self.arrays.keys():
            raise ValueError(f"{self.folder}: {', '.join(values)} given, a row has {', '.join(self.arrays)}")
        for name, array in self.arrays.items():
            value = values[name]
            if (value.shape, value.dtype) != ((len(rows), *array.shape), np.dtype(array.dtype)):
                raise ValueError(
                    f"{self.folder}: {name} {value.dtype} {value.shape} given for {len(rows)} rows, "
                    f"{array.dtype} {array.shape} a row allocated"
                )
            if value.dtype.kind == "f":  # of others the good rows needn't be copied
                check_finite(value[good], f"{self.folder}: {name}")
        for number, in_shard in self._by_shard(rows):
            for name, value in values.items():
                _write_rows(self.path(name, number), rows[in_shard] - number * self.rows_per_shard, value[in_shard])
        self.unmarked.append((rows, np.where(good, WRITTEN, DROPPED).astype(np.uint8)))
        if time.monotonic() - self.last_sync >= SYNC_EVERY:
            self.flush()

    def flush(self) -> None:
        """Syncs the written rows to the disk, all their arrays, then marks them."""
        if self.unmarked:
            rows, states = (np.concatenate(parts) for parts in zip(*self.unmarked, strict=True))
            for number, _ in self._by_shard(rows):
                for name in self.arrays:
                    with self.path(name, number).open("rb") as file:
                        os.fdatasync(file.fileno())
            _write_rows(self._marks, rows, states)
        self.unmarked, self.last_sync = [], time.monotonic()

    def _by_shard(self, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yields the number of each shard that holds some of ``rows``, and which of them."""
        numbers = rows // self.rows_per_shard
        for number in np.unique(numbers).tolist():
            yield number, numbers == number

    def read(self, name: str) -> "ShardReader":
        """Returns a reader of one array over all rows; asserts that none is pending."""
        assert not len(self.pending())
        return ShardReader([self.path(name, number) for number in range(-(-self.rows // self.rows_per_shard))])


def _write_rows(path: Path, rows: np.ndarray, values: np.ndarray) -> None:
    """Overwrites rows of a ``.npy`` file, their very bytes.

    Ranks on other nodes write to the same pages, and a network file system writes back whole pages of a memory map.
    """
    array = read_array(path, "r")
    with path.open("r+b") as file:
        for row, value in zip(rows.tolist(), values, strict=True):
            os.pwrite(file.fileno(), value.tobytes(), array.offset + row * array.strides[0])


class ShardReader:
    """Reads the rows of several ``.npy`` files as one memory-mapped array."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.shards = [read_array(path, "r") for path in self.paths]
        self.starts = np.cumsum([0, *(len(shard) for shard in self.shards)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row."""
        return tuple(self.shards[0].shape[1:])

    def __getitem__(self, row: int) -> np.ndarray:
        shard = int(np.searchsorted(self.starts, row, side="right")) - 1
        return np.asarray(self.shards[shard][row - self.starts[shard]])

    def gather(self, rows: np.ndarray, dtype: str | None = None) -> np.ndarray:
        """Returns ``rows`` as one array in memory, of the shards' type or of ``dtype``, without a second copy."""
        gathered = np.empty((len(rows), *self.shape), dtype or self.shards[0].dtype)
        for number, in_shard in self._by_shard(rows):
            gathered[in_shard] = self.shards[number][rows[in_shard] - self.starts[number]]
        return gathered

    def of_each(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Returns one entry of each of ``rows``, that at its place in the row's first axis; no other is read."""
        found = np.empty((len(rows), *self.shape[1:]), self.shards[0].dtype)
        for number, in_shard in self._by_shard(rows):
            found[in_shard] = self.shards[number][rows[in_shard] - self.starts[number], places[in_shard]]
        return found

    def _by_shard(self, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yields the number of each shard that holds some of ``rows``, and which of them."""
        shards = np.searchsorted(self.starts, rows, side="right") - 1
        for number in np.unique(shards).tolist():
            yield number, shards == number
