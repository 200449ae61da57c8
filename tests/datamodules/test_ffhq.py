"""FFHQ's list as it is published."""

import json
from pathlib import Path

import pytest

from configs.schema.sources import ListFile
from datamodules.sources import scan


def published(folder: Path, numbers: list[int]) -> Path:
    """A list of the published form, its records in the order of ``numbers``; of eleven images the last is val."""
    told = {
        str(number): {
            "category": "validation" if number == 10 else "training",
            "metadata": {"license": "Attribution License"},
            "image": {"file_path": f"images1024x1024/00000/{number:05d}.png", "pixel_size": [1024, 1024]},
            "thumbnail": {"file_path": f"thumbnails128x128/00000/{number:05d}.png", "pixel_size": [128, 128]},
        }
        for number in numbers
    }
    file = folder / "ffhq-dataset-v2.json"
    file.write_text(json.dumps(told))
    return file


def some(root: Path, folder: str, number: int) -> None:
    (root / folder / "00000").mkdir(parents=True)
    for i in range(number):
        (root / folder / "00000" / f"{i:05d}.png").write_bytes(b"x" * (i + 1))


@pytest.mark.parametrize(("folders", "taken"), [
    (["images1024x1024"], "images1024x1024"), (["thumbnails128x128"], "thumbnails128x128"),
    (["images1024x1024", "thumbnails128x128"], "images1024x1024"),
])  # fmt: skip
def test_the_images_that_are_there(folders: list[str], taken: str, tmp_path: Path) -> None:
    for folder in folders:
        some(tmp_path, folder, 10)
    source = ListFile(root=str(tmp_path), list=str(published(tmp_path, [10, 9, 2, 0, 1, *range(3, 9)])))
    found = scan(source, Path("unused"), Path("unused"))
    assert [entry.file for entry in found.entries] == [f"{taken}/00000/{i:05d}.png" for i in range(11)]
    assert [entry.split for entry in found.entries] == ["train"] * 10 + ["val"]
    assert [entry.size for entry in found.entries] == [*range(1, 11), 0], "a missing image counts as unreadable"
    assert found.class_names == [] and bool(found.notes) == (taken == "thumbnails128x128")


@pytest.mark.parametrize("text", ["[]", "{", '{"0": {"category": "training"}}', '{"a": {}}', '{"0": null}'])
def test_another_list(text: str, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(ValueError, match=r"list\.json: not FFHQ's list"):
        scan(ListFile(root=str(tmp_path), list=str(tmp_path / "list.json")), Path("unused"), Path("unused"))


def test_another_split(tmp_path: Path) -> None:
    file = published(tmp_path, [0])
    file.write_text(file.read_text().replace("training", "test"))
    with pytest.raises(ValueError, match="not FFHQ's list"):
        scan(ListFile(root=str(tmp_path), list=str(file)), Path("unused"), Path("unused"))
