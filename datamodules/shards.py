"""Memory-mapped shards of rows: written by many processes, resumable, read at random.

``<name>-00000.npy`` and so on hold ``rows_per_shard`` rows each; ``state.npy`` says for each row whether it is
pending, written, or dropped. A row is marked after its bytes are on the disk, so neither a killed writer nor a node
that went down shows a row that isn't there; they lose the rows of the last SYNC_EVERY seconds.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.arrays import read_array

PENDING, WRITTEN, DROPPED = 0, 1, 2
SYNC_EVERY = 5.0  # seconds; a sync for each batch would hold up fast networks on slow disks


class ShardWriter:
    """Rows of ``shape`` and ``dtype`` in a folder; every rank opens the same one."""

    def __init__(
        self, folder: Path, name: str, rows: int, shape: Sequence[int], dtype: str, rows_per_shard: int
    ) -> None:
        self.folder, self.name, self.rows, self.rows_per_shard = folder, name, rows, rows_per_shard
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.unmarked: list[tuple[np.ndarray, np.ndarray]] = []  # rows, states
        self.synced = time.monotonic()

    def create(self) -> None:
        """Allocates what isn't there yet, and makes dropped rows pending again: what failed may have been the disk, not
        the image. Rank 0 alone calls it, before the others write."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for number, start in enumerate(range(0, self.rows, self.rows_per_shard)):
            rows = min(self.rows_per_shard, self.rows - start)
            self._allocate(self.path(number), (rows, *self.shape), self.dtype)
        self._allocate(self.folder / "state.npy", (self.rows,), np.dtype(np.uint8))
        dropped = np.flatnonzero(self.state() == DROPPED)
        _write_rows(self.folder / "state.npy", dropped, np.full(len(dropped), PENDING, dtype=np.uint8))

    def _allocate(self, path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
        if path.exists():
            return
        temporary = path.with_suffix(".tmp")
        array: Any = np.lib.format.open_memmap(temporary, mode="w+", dtype=dtype, shape=shape)
        array.flush()
        try:
            with temporary.open("r+b") as file:  # now, since a write to a hole of a full disk is a bus error
                os.posix_fallocate(file.fileno(), 0, temporary.stat().st_size)
        except OSError as error:
            size = temporary.stat().st_size / 1e9
            temporary.unlink()
            raise ValueError(
                f"{path}: cannot reserve {size:.2f} GB ({os.strerror(error.errno or 0)}); make room and run the same "
                "command again"
            ) from error
        temporary.rename(path)

    def path(self, number: int) -> Path:
        return self.folder / f"{self.name}-{number:05d}.npy"

    def state(self) -> Any:
        return read_array(self.folder / "state.npy", "r")

    def pending(self) -> np.ndarray:
        """Returns the rows that are still to be written."""
        return np.flatnonzero(self.state() == PENDING)

    def write(self, rows: np.ndarray, values: np.ndarray, good: np.ndarray) -> None:
        """Writes ``values`` to ``rows``; rows that aren't ``good`` are dropped. Marked are they by ``flush``, which is
        called here every SYNC_EVERY seconds.

        Raises:
            ValueError: values of another shape or type than was allocated, which would overwrite other rows.
        """
        if (values.shape, values.dtype) != ((len(rows), *self.shape), self.dtype):
            raise ValueError(
                f"{self.folder}: {values.dtype} {values.shape} given for {len(rows)} rows, "
                f"{self.dtype} {self.shape} a row allocated"
            )
        for number in np.unique(rows // self.rows_per_shard):
            here = rows // self.rows_per_shard == number
            _write_rows(self.path(number), rows[here] - number * self.rows_per_shard, values[here])
        self.unmarked.append((rows, np.where(good, WRITTEN, DROPPED).astype(np.uint8)))
        if time.monotonic() - self.synced >= SYNC_EVERY:
            self.flush()

    def flush(self) -> None:
        """Brings what was written to the disk, then marks it."""
        if self.unmarked:
            rows, states = (np.concatenate(parts) for parts in zip(*self.unmarked, strict=True))
            for number in np.unique(rows // self.rows_per_shard):
                with self.path(number).open("rb") as file:
                    os.fdatasync(file.fileno())
            _write_rows(self.folder / "state.npy", rows, states)
        self.unmarked, self.synced = [], time.monotonic()

    def read(self) -> "ShardReader":
        """Returns a reader over all rows; asserts that none is pending."""
        assert not len(self.pending())
        return ShardReader([self.path(number) for number in range(-(-self.rows // self.rows_per_shard))])


def _write_rows(path: Path, rows: np.ndarray, values: np.ndarray) -> None:
    """Overwrites rows of a ``.npy`` file, exactly their bytes: ranks on other nodes write to the same pages, and a
    network file system would give back whole pages of a memory map."""
    array = read_array(path, "r")
    with path.open("r+b") as file:
        for row, value in zip(rows.tolist(), values, strict=True):
            os.pwrite(file.fileno(), value.tobytes(), array.offset + row * array.strides[0])


class ShardReader:
    """Rows of several ``.npy`` files as one array, memory-mapped."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.shards = [read_array(path, "r") for path in self.paths]
        self.starts = np.cumsum([0, *(len(shard) for shard in self.shards)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, row: int) -> np.ndarray:
        shard = int(np.searchsorted(self.starts, row, side="right")) - 1
        return np.asarray(self.shards[shard][row - self.starts[shard]])

    def gather(self, rows: np.ndarray, dtype: str | None = None) -> np.ndarray:
        """Returns the given rows as one array in memory, of the shards' type or of ``dtype``, without a second copy."""
        parts = np.searchsorted(self.starts, rows, side="right") - 1
        first = self.shards[0]
        out = np.empty((len(rows), *first.shape[1:]), dtype or first.dtype)
        for number in np.unique(parts):
            here = parts == number
            out[here] = self.shards[number][rows[here] - self.starts[number]]
        return out
