"""A public split: the listed images are val, all others train, and nothing in the list is passed over."""

from pathlib import Path

import numpy as np
import pytest
from conftest import run_stage_here
from tests_support import write_images

from configs.schema.data import DataConfig
from configs.schema.sources import ClassFolders, FlatFolder, ListFile
from datamodules.sources import scan
from pipeline.graph import Recipe
from pipeline.listing import hash_listing
from pipeline.store import Store
from smalti.config.parsing import plain

UNUSED = Path("unused")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """cat/000.png, cat/001.png, cat/002.png, dog/000.png, dog/001.png"""
    return write_images(tmp_path / "images", {"cat": 3, "dog": 2}, size=16)


def val_of(source: ClassFolders | FlatFolder | ListFile) -> list[str]:
    entries = scan(source, UNUSED, UNUSED).entries
    assert {entry.split for entry in entries} <= {"train", "val"} and len(entries) == 5
    return [entry.file for entry in entries if entry.split == "val"]


def test_the_listed_images_are_val(images: Path, tmp_path: Path) -> None:
    """By path, or by a name that only one image has, in files of Unix and of Windows; by each kind of source."""
    names, table = tmp_path / "val.txt", tmp_path / "all.csv"
    table.write_text("".join(f"{path.relative_to(images)},x\n" for path in sorted(images.rglob("*.png"))))
    for text in ("dog/001.png\n002.png\n", "002.png\r\n\r\ndog/001.png"):
        names.write_bytes(text.encode())
        for source in (
            ClassFolders(root=str(images), val_list=str(names)),
            FlatFolder(root=str(images), val_list=str(names)),
            ListFile(root=str(images), list=str(table), val_list=str(names)),
        ):
            assert val_of(source) == ["cat/002.png", "dog/001.png"], source.kind


def test_a_path_is_that_path_though_another_image_has_its_name(images: Path, tmp_path: Path) -> None:
    (images / "002.png").write_bytes((images / "cat" / "002.png").read_bytes())
    (images / "dog" / "000.png").unlink()
    (tmp_path / "val.txt").write_text("002.png\n")
    assert val_of(FlatFolder(root=str(images), val_list=str(tmp_path / "val.txt"))) == ["002.png"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dog/001.png\n003.png\ncat/004.png", "2 of 3 names not in the data: '003.png', 'cat/004.png'; its 5 images"),
        ("<<<<<<< ours\n002.png\n", "1 of 2 names not in the data: '<<<<<<< ours'"),
        ("002.png\n001.png\n", "names of several images: '001.png'; give paths relative to the data root"),
        ("002.png\ncat/002.png\n", "named more than once: 'cat/002.png'; name each image once"),
        ("002.png\n002.png\n", "named more than once: 'cat/002.png'"),
        ("\n", "names no image, so that val would be empty"),
        ("cat/000.png\ncat/001.png\n002.png\ndog/000.png\ndog/001.png", "names all images, so that train would be em"),
    ],
)  # fmt: skip
def test_what_a_list_says_wrong_is_named_in_one_line(text: str, expected: str, images: Path, tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text(text)
    with pytest.raises(ValueError, match=r"val list .*val\.txt: ") as caught:
        scan(FlatFolder(root=str(images), val_list=str(tmp_path / "val.txt")), UNUSED, UNUSED)
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_a_split_of_the_sources_own_and_a_list_are_refused(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_images(tmp_path / "images" / split, {"cat": 2}, size=16)
    (tmp_path / "val.txt").write_text("val/cat/000.png\n")
    source = ClassFolders(root=str(tmp_path / "images"), val_list=str(tmp_path / "val.txt"))
    with pytest.raises(ValueError, match=r"has train and val of its own; set source\.val_list to null"):
        scan(source, UNUSED, UNUSED)
    with pytest.raises(ValueError, match=r"group '\(x\)': source\.val_list says already which images are val"):
        DataConfig(source=source, image_size=16, group="(x)")


def test_a_changed_list_changes_the_key_and_none_says_nothing(images: Path, tmp_path: Path) -> None:
    names, hashes = tmp_path / "val.txt", []
    for text in ("002.png\n", "dog/001.png\n"):
        names.write_text(text)
        hash_listing.cache_clear()
        hashes.append(hash_listing(FlatFolder(root=str(images), val_list=str(names))))
    assert len({*hashes, hash_listing(FlatFolder(root=str(images)))}) == 3
    config = DataConfig(source=FlatFolder(root="x"), image_size=16)
    assert plain(config, hashed=True)["source"] == {"kind": "flat_folder", "root": "x"}


def test_stage_data_takes_the_list_relative_to_the_recipe(images: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "pipeline.yaml").write_text("stages:\n  data:\n")
    (recipe / "data.yaml").write_text(
        "source: {kind: flat_folder, root: ../images, val_list: ../val.txt}\nimage_size: 16\nval_fraction: 0.9\n"
    )
    (tmp_path / "val.txt").write_text("dog/001.png\n002.png\n")
    run_stage_here("data", recipe, tmp_path / "runs")
    data = Recipe(recipe).status(Store(tmp_path / "runs"))["data"].artifact
    assert data and (data.facts["num_train"], data.facts["num_val"]) == (3, 2)
    files = data.file("files.txt").read_text().split("\n")
    assert [files[i] for i in np.flatnonzero(np.load(data.file("splits.npy")))] == ["cat/002.png", "dog/001.png"]
