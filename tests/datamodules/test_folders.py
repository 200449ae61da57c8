"""Folders of images: which files count, and which folders are splits, classes, or neither."""

import os
import shutil
from pathlib import Path

import pytest
from tests_support import write_images

from configs.schema.sources import ClassFolders, FlatFolder
from datamodules.sources import scan
from pipeline.listing import hash_listing


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", {"cat": 3, "dog": 2}, size=16)


@pytest.mark.parametrize("kind", [ClassFolders, FlatFolder])
def test_a_pipe_with_an_images_name_is_named(kind: type[ClassFolders] | type[FlatFolder], images: Path) -> None:
    """Opening it would wait for ever."""
    os.mkfifo(images / "cat" / "pipe.png")
    with pytest.raises(ValueError, match=r"cat/pipe\.png: a pipe, socket or device"):
        scan(kind(root=str(images)), Path(), Path())
    (images / "cat" / "pipe.png").rename(images / "cat" / "pipe")
    assert len(scan(kind(root=str(images)), Path(), Path()).entries) == 5


def test_a_link_to_itself_is_one_unreadable_image(images: Path) -> None:
    (images / "cat" / "self.png").symlink_to("self.png")
    hash_listing.cache_clear()
    hash_listing(FlatFolder(root=str(images)))
    entries = {entry.file: entry.size for entry in scan(FlatFolder(root=str(images)), Path(), Path()).entries}
    assert len(entries) == 6 and entries["cat/self.png"] == 0


def test_a_link_to_a_folder_that_it_lies_in_is_named(images: Path) -> None:
    (images / "cat" / "up").symlink_to("..")
    for read in (hash_listing, lambda source: scan(source, Path(), Path())):
        hash_listing.cache_clear()
        with pytest.raises(ValueError, match=r"up: a link to a folder that it lies in; take it out"):
            read(FlatFolder(root=str(images)))
    (images / "cat" / "up").unlink()
    (images / "both").symlink_to("cat")  # which is followed: it is no loop
    assert len(scan(ClassFolders(root=str(images)), Path(), Path()).entries) == 8


@pytest.mark.parametrize("kind", [ClassFolders, FlatFolder])
@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_splits_are_known_by_their_usual_names(
    kind: type[ClassFolders] | type[FlatFolder], val: str, images: Path, tmp_path: Path
) -> None:
    for name in ("train", val):
        shutil.copytree(images, tmp_path / "split" / name)
    found = scan(kind(root=str(tmp_path / "split")), Path(), Path())
    assert {(entry.file.split("/")[0], entry.split) for entry in found.entries} == {("train", "train"), (val, "val")}
    assert found.class_names == (["cat", "dog"] if kind is ClassFolders else [])


@pytest.mark.parametrize("kind", [ClassFolders, FlatFolder])
@pytest.mark.parametrize("folders", [("train", "test"), ("train", "val", "test"), ("train",), ("train", "val", "cat")])
def test_folders_that_are_splits_in_part_are_no_classes(
    kind: type[ClassFolders] | type[FlatFolder], folders: tuple[str, ...], images: Path, tmp_path: Path
) -> None:
    for name in folders:
        shutil.copytree(images, tmp_path / "split" / name)
    with pytest.raises(ValueError, match=rf"folders {', '.join(sorted(folders))}; either a folder train and one val"):
        scan(kind(root=str(tmp_path / "split")), Path(), Path())


def test_a_train_among_other_vehicles_is_a_class(tmp_path: Path) -> None:
    write_images(tmp_path, {"car": 1, "train": 2}, size=16)
    assert [entry.label for entry in scan(ClassFolders(root=str(tmp_path)), Path(), Path()).entries] == [
        "car", "train", "train",
    ]  # fmt: skip


def test_files_that_are_no_images_are_counted(images: Path) -> None:
    for name in ("a.heic", "b.heic", "LICENSE", ".hidden"):
        (images / "cat" / name).write_text("")
    [note] = scan(ClassFolders(root=str(images)), Path(), Path()).notes
    assert note.startswith("left out, since they aren't images by their names: 2 .heic, 1 no suffix; images are .bmp, ")
