"""Shards: resumable, and no half row is ever seen."""

from pathlib import Path

import numpy as np

from datamodules.shards import ShardWriter


def test_rows_are_written_once_and_found_again(tmp_path: Path) -> None:
    def writer() -> ShardWriter:
        return ShardWriter(tmp_path, "tokens", 10, (2, 3), "uint16", rows_per_shard=4)

    values = np.arange(60, dtype=np.uint16).reshape(10, 2, 3) + 65_000
    first = writer()
    first.create()
    first.write(np.array([1, 5, 9]), values[[1, 5, 9]], np.array([True, True, False]))

    second = writer()  # another process, after a kill
    second.create()
    assert second.pending().tolist() == [0, 2, 3, 4, 6, 7, 8]
    pending = second.pending()
    second.write(pending, values[pending], np.ones(len(pending), dtype=bool))
    reader = second.read()
    assert [path.name for path in reader.paths] == ["tokens-00000.npy", "tokens-00001.npy", "tokens-00002.npy"]
    assert second.state().tolist() == [1] * 9 + [2]
    assert np.array_equal(reader.gather(np.array([8, 0, 5])), values[[8, 0, 5]])
    assert np.array_equal(reader[4], values[4]) and len(reader) == 10
