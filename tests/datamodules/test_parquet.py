"""Parquet files as datasets writes them."""

from pathlib import Path

import pyarrow
import pytest
from parquet_support import pairs, png, read, write
from pyarrow import parquet

from configs.schema.sources import Parquet
from datamodules.sources import scan

NAMES = ["cat", "dog", "cow"]
NONE = Path("no archive")


def test_a_data_set_of_the_hub(tmp_path: Path) -> None:
    """Splits by the files' names, classes by the names of their numbers; test is left out aloud."""
    write(tmp_path / "hub/data/train-00000-of-00002.parquet", pairs(10, 20, 30), [2, 0, 1], NAMES)
    write(tmp_path / "hub/data/train-00001-of-00002.parquet", pairs(40), [2], NAMES)
    write(tmp_path / "hub/data/validation-00000-of-00001.parquet", pairs(50, 60), [1, 1], NAMES)
    write(tmp_path / "hub/data/test-00000-of-00001.parquet", pairs(70), [0], NAMES)
    found = scan(Parquet(root=str(tmp_path / "hub")), NONE, tmp_path / "unpacked")
    assert [(e.label, e.split) for e in found.entries] == [
        ("cow", "train"), ("cat", "train"), ("dog", "train"), ("cow", "train"), ("dog", "val"), ("dog", "val")
    ]  # fmt: skip
    assert [read(found, number) for number in range(6)] == [10, 20, 30, 40, 50, 60]
    assert found.notes == ["1 images of files called test are left out"]
    assert found.entries[3].name == "data/train-00001-of-00002.parquet:0"
    again = scan(Parquet(root=str(tmp_path / "hub")), NONE, tmp_path / "unpacked")
    assert again.entries == found.entries and not list(tmp_path.glob(".unpacked*"))


def test_plain_bytes_and_other_columns(tmp_path: Path) -> None:
    """Text labels, numbers as numbers, and no labels at all; one split alone is split by seed later."""
    table = pyarrow.table({"jpg": [png(1), png(2)], "kind": ["10", "9"]})
    (tmp_path / "a").mkdir()
    parquet.write_table(table, tmp_path / "a" / "train.parquet")
    source = Parquet(root=str(tmp_path / "a"), image_column="jpg", label_column="kind")
    found = scan(source, NONE, tmp_path / "a1")
    assert found.class_names == ["9", "10"] and [e.split for e in found.entries] == [None, None]
    found = scan(Parquet(root=str(tmp_path / "a"), image_column="jpg"), NONE, tmp_path / "a2")
    assert found.class_names == [] and found.notes == ["no classes in a column 'label': images without labels"]


def test_an_empty_cell_counts_as_unreadable(tmp_path: Path) -> None:
    write(tmp_path / "a" / "x.parquet", [*pairs(5), None, *pairs(6)], [0, 1, 0])
    found = scan(Parquet(root=str(tmp_path / "a")), NONE, tmp_path / "u")
    assert [entry.size > 0 for entry in found.entries] == [True, False, True] and read(found, 2) == 6


@pytest.mark.parametrize(
    ("images", "labels", "expected"),
    [
        ([{"bytes": None, "path": "a.png"}], [0], "holds the path 'a.png' and no bytes; use kind list_file"),
        (["text"], [0], "holds str, no image's bytes; set source.image_column"),
        (pairs(1, 2), [0, None], "1 of 2 images have no label; give all or none"),
    ],
)
def test_what_is_refused(images: list[object], labels: list[object], expected: str, tmp_path: Path) -> None:
    write(tmp_path / "a" / "x.parquet", images, labels)
    with pytest.raises(ValueError, match=expected):
        scan(Parquet(root=str(tmp_path / "a")), NONE, tmp_path / "u")


def test_files_that_are_none(tmp_path: Path) -> None:
    source = Parquet(root=str(tmp_path / "a"))
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match=r"data root .*a: no files \*\.parquet; set source\.files"):
        scan(source, NONE, tmp_path / "u")
    write(tmp_path / "a" / "x.parquet", pairs(1, 2, 3), [0, 1, 2])
    with pytest.raises(ValueError, match=r"has no column 'picture', but image, label; set source\.image_column"):
        scan(Parquet(root=str(tmp_path / "a"), image_column="picture"), NONE, tmp_path / "u")
    whole = (tmp_path / "a" / "x.parquet").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"PAR1" + b"x" * 50 + b"PAR1"):
        (tmp_path / "a" / "x.parquet").write_bytes(damaged)
        with pytest.raises(ValueError, match="not a readable Parquet file"):
            scan(source, NONE, tmp_path / "u")
    write(tmp_path / "a" / "train-0.parquet", pairs(1), [0])
    write(tmp_path / "a" / "x.parquet", pairs(1), [0])
    with pytest.raises(ValueError, match="some files are called train or validation and some aren't"):
        scan(source, NONE, tmp_path / "u")
    assert [path.name for path in tmp_path.iterdir() if path.name != "u"] == ["a"]


def test_unknown_classes_as_datasets_marks_them(tmp_path: Path) -> None:
    names = ["cat", "dog"]
    write(tmp_path / "all" / "x.parquet", pairs(1, 2), [-1, -1], names)
    assert [entry.label for entry in scan(Parquet(root=str(tmp_path / "all")), NONE, tmp_path / "u").entries] == [
        None, None,
    ]  # fmt: skip
    write(tmp_path / "some" / "x.parquet", pairs(1, 2), [1, -1], names)
    with pytest.raises(ValueError, match="1 of 2 images have no label; give all or none"):
        scan(Parquet(root=str(tmp_path / "some")), NONE, tmp_path / "v")
    write(tmp_path / "more" / "x.parquet", pairs(1, 2), [1, 2], names)
    with pytest.raises(ValueError, match="label: class 2, where 2 classes have names"):
        scan(Parquet(root=str(tmp_path / "more")), NONE, tmp_path / "w")


def test_a_pattern_of_files(tmp_path: Path) -> None:
    write(tmp_path / "a" / "fine" / "x.parquet", pairs(1, 2), None)
    write(tmp_path / "a" / "coarse" / "x.parquet", pairs(3), None)
    found = scan(Parquet(root=str(tmp_path / "a"), files="coarse/*"), NONE, tmp_path / "u")
    assert [read(found, number) for number in range(len(found.entries))] == [3]
