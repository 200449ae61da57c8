"""Arrays on the disk: plain numbers, all of them finite."""

from pathlib import Path

import numpy as np
import pytest

from datamodules.arrays import read_array, write_array


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int64", "bool"])
def test_what_is_written_is_read(dtype: str, tmp_path: Path) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    write_array(tmp_path / "a.npy", array)
    found = read_array(tmp_path / "a.npy")
    assert np.array_equal(found, array) and found.dtype == array.dtype


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_not_written(wrong: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.npy: 1 of 3 numbers aren't finite"):
        write_array(tmp_path / "a.npy", np.array([0, wrong, 1]))
    assert not (tmp_path / "a.npy").exists()


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"a\.npy: not a plain array"):
        read_array(tmp_path / "a.npy")
