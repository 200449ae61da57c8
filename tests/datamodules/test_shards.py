"""Shards: resumable, and no half row is ever seen."""

import os
from pathlib import Path

import numpy as np
import pytest

from datamodules import shards
from datamodules.shards import RowArray, ShardWriter

TOKENS = {"tokens": RowArray((2,), "uint16")}
PAIRS = {"images": RowArray((3, 2), "uint8"), "tokens": RowArray((5,), "uint32")}


def test_rows_are_written_once_and_found_again(tmp_path: Path) -> None:
    def writer() -> ShardWriter:
        return ShardWriter(tmp_path, {"tokens": RowArray((2, 3), "uint16")}, 10, rows_per_shard=4)

    values = np.arange(60, dtype=np.uint16).reshape(10, 2, 3) + 65_000
    first = writer()
    first.create()
    first.write(np.array([1, 5, 9]), {"tokens": values[[1, 5, 9]]}, np.array([True, True, False]))
    assert len(first.pending()) == 10, "not on the disk yet"
    first.flush()
    assert first.state().tolist() == [0, 1, 0, 0, 0, 1, 0, 0, 0, 2]

    second = writer()  # another process, after a kill
    second.create()
    pending = second.pending()
    assert pending.tolist() == [0, 2, 3, 4, 6, 7, 8, 9], "what was dropped is tried again"
    second.write(pending, {"tokens": values[pending]}, pending != 9)
    second.flush()
    reader = second.read("tokens")
    assert [path.name for path in reader.paths] == ["tokens-00000.npy", "tokens-00001.npy", "tokens-00002.npy"]
    assert second.state().tolist() == [1] * 9 + [2]
    assert np.array_equal(reader.gather(np.array([8, 0, 5])), values[[8, 0, 5]])
    wide = reader.gather(np.array([8, 0, 5]), "float32")
    assert wide.dtype == np.float32 and np.array_equal(wide, values[[8, 0, 5]])
    assert np.array_equal(reader[4], values[4]) and len(reader) == 10


def test_rows_are_on_the_disk_before_they_are_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All their arrays."""
    writer = ShardWriter(tmp_path, PAIRS, 10, rows_per_shard=4)
    writer.create()
    sync, pending = os.fdatasync, []

    def noted(number: int) -> None:
        pending.append((Path(f"/proc/self/fd/{number}").readlink().name, len(writer.pending())))
        sync(number)

    monkeypatch.setattr(os, "fdatasync", noted)
    monkeypatch.setattr(shards, "SYNC_EVERY", 0)
    values = {name: np.ones((2, *array.shape), dtype=array.dtype) for name, array in PAIRS.items()}
    writer.write(np.array([1, 9]), values, np.array([True, True]))
    assert pending == [
        ("images-00000.npy", 10), ("tokens-00000.npy", 10), ("images-00002.npy", 10), ("tokens-00002.npy", 10)
    ]  # fmt: skip
    assert len(writer.pending()) == 8


@pytest.mark.parametrize("dies_at", range(1, 7))
def test_the_arrays_of_a_row_are_whole_together(dies_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that dies between two arrays, or before the mark, leaves the row pending; what is marked is whole."""
    random = np.random.default_rng(0)
    whole = {
        "images": random.integers(0, 256, (6, 3, 2), dtype=np.uint8),
        "tokens": random.integers(0, 2**20, (6, 5), dtype=np.uint32),
    }
    write, calls = shards._write_rows, []

    def dying(path: Path, rows: np.ndarray, values: np.ndarray) -> None:
        calls.append(path.name)
        if len(calls) == dies_at:
            raise SystemExit
        write(path, rows, values)

    monkeypatch.setattr(shards, "SYNC_EVERY", 0)
    writer = ShardWriter(tmp_path, PAIRS, 6, rows_per_shard=4)
    writer.create()
    monkeypatch.setattr(shards, "_write_rows", dying)
    with pytest.raises(SystemExit):
        for row in ([0, 1], [2, 3]):  # each: images, tokens, marks
            writer.write(np.array(row), {name: array[row] for name, array in whole.items()}, np.array([True, True]))
    monkeypatch.undo()

    second = ShardWriter(tmp_path, PAIRS, 6, rows_per_shard=4)
    second.create()
    written = np.setdiff1d(np.arange(6), second.pending())
    assert written.tolist() == ([] if dies_at <= 3 else [0, 1])
    for name, array in whole.items():
        assert np.array_equal(np.load(second.path(name, 0))[written], array[written])
    pending = second.pending()
    second.write(pending, {name: array[pending] for name, array in whole.items()}, np.ones(len(pending), dtype=bool))
    second.flush()
    for name, array in whole.items():
        assert np.array_equal(second.read(name).gather(np.arange(6)), array)


def test_rows_whose_file_was_taken_away_are_written_again(tmp_path: Path) -> None:
    """Else the new file's zeros would count as the row."""
    values = {name: np.ones((10, *array.shape), dtype=array.dtype) for name, array in PAIRS.items()}
    first = ShardWriter(tmp_path, PAIRS, 10, rows_per_shard=4)
    first.create()
    first.write(np.arange(10), values, np.ones(10, dtype=bool))
    first.flush()
    first.path("tokens", 1).unlink()
    second = ShardWriter(tmp_path, PAIRS, 10, rows_per_shard=4)
    second.create()
    assert second.pending().tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize("shape", [(2, 3), (2, 1), (1, 2)])
def test_values_of_another_shape_are_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Their bytes would go over the row that follows, or leave a part of the row as it was."""
    writer = ShardWriter(tmp_path, TOKENS, 10, rows_per_shard=4)
    writer.create()
    said = rf"tokens uint16 \({shape[0]}, {shape[1]}\) given for 2 rows, uint16 \(2,\) a row"
    with pytest.raises(ValueError, match=said):
        writer.write(np.array([1, 2]), {"tokens": np.ones(shape, dtype=np.uint16)}, np.array([True, True]))
    assert not np.load(writer.path("tokens", 0)).any()


def test_a_row_without_one_of_its_arrays_is_refused(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, PAIRS, 10, rows_per_shard=4)
    writer.create()
    with pytest.raises(ValueError, match="images given, a row has images, tokens"):
        writer.write(np.array([1]), {"images": np.ones((1, 3, 2), dtype=np.uint8)}, np.array([True]))
    assert not np.load(writer.path("images", 0)).any()


def test_rows_that_no_disk_holds_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"1,000,000,000,000 rows take 5\.00 TB, .* are free; make room"):
        ShardWriter(tmp_path, TOKENS, 10**12, rows_per_shard=5000).create()
    assert not list(tmp_path.iterdir())


def test_a_number_that_is_none_is_not_written(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, {"latents": RowArray((2,), "float16")}, 4, rows_per_shard=4)
    writer.create()
    values = np.array([[1, 2], [np.nan, 0]], dtype=np.float16)
    writer.write(np.array([0, 1]), {"latents": values}, np.array([True, False]))  # an unreadable image is dropped
    with pytest.raises(ValueError, match=r"latents: 1 of 4 numbers aren't finite"):
        writer.write(np.array([2, 3]), {"latents": values}, np.array([True, True]))
