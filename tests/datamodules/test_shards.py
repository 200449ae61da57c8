"""Shards: resumable, and no half row is ever seen."""

import os
from pathlib import Path

import numpy as np
import pytest

from datamodules import shards
from datamodules.shards import ShardWriter


def test_rows_are_written_once_and_found_again(tmp_path: Path) -> None:
    def writer() -> ShardWriter:
        return ShardWriter(tmp_path, "tokens", 10, (2, 3), "uint16", rows_per_shard=4)

    values = np.arange(60, dtype=np.uint16).reshape(10, 2, 3) + 65_000
    first = writer()
    first.create()
    first.write(np.array([1, 5, 9]), values[[1, 5, 9]], np.array([True, True, False]))
    assert len(first.pending()) == 10, "not on the disk yet"
    first.flush()
    assert first.state().tolist() == [0, 1, 0, 0, 0, 1, 0, 0, 0, 2]

    second = writer()  # another process, after a kill
    second.create()
    pending = second.pending()
    assert pending.tolist() == [0, 2, 3, 4, 6, 7, 8, 9], "what was dropped is tried again"
    second.write(pending, values[pending], pending != 9)
    second.flush()
    reader = second.read()
    assert [path.name for path in reader.paths] == ["tokens-00000.npy", "tokens-00001.npy", "tokens-00002.npy"]
    assert second.state().tolist() == [1] * 9 + [2]
    assert np.array_equal(reader.gather(np.array([8, 0, 5])), values[[8, 0, 5]])
    wide = reader.gather(np.array([8, 0, 5]), "float32")
    assert wide.dtype == np.float32 and np.array_equal(wide, values[[8, 0, 5]])
    assert np.array_equal(reader[4], values[4]) and len(reader) == 10


def test_rows_are_on_the_disk_before_they_are_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = ShardWriter(tmp_path, "tokens", 10, (2,), "uint16", rows_per_shard=4)
    writer.create()
    sync, pending = os.fdatasync, []

    def noted(number: int) -> None:
        pending.append((Path(f"/proc/self/fd/{number}").readlink().name, len(writer.pending())))
        sync(number)

    monkeypatch.setattr(os, "fdatasync", noted)
    monkeypatch.setattr(shards, "SYNC_EVERY", 0)
    writer.write(np.array([1, 9]), np.ones((2, 2), dtype=np.uint16), np.array([True, True]))
    assert pending == [("tokens-00000.npy", 10), ("tokens-00002.npy", 10)]
    assert len(writer.pending()) == 8


@pytest.mark.parametrize("shape", [(2, 3), (2, 1), (1, 2)])
def test_values_of_another_shape_are_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Their bytes would go over the row that follows, or leave a part of the row as it was."""
    writer = ShardWriter(tmp_path, "tokens", 10, (2,), "uint16", rows_per_shard=4)
    writer.create()
    with pytest.raises(ValueError, match=rf"uint16 \({shape[0]}, {shape[1]}\) given for 2 rows, uint16 \(2,\) a row"):
        writer.write(np.array([1, 2]), np.ones(shape, dtype=np.uint16), np.array([True, True]))
    assert not np.load(writer.path(0)).any()
