"""Folders of images: what lies where, and which of it is train and val."""

import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from datamodules.entry import Entry, Scan
from datamodules.index import Split
from smalti.file_tree import files_below

IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
# What data sets call their splits, in lower case.
SPLIT_OF: Mapping[str, Split] = {"train": "train", "val": "val", "valid": "val", "validation": "val"}
SHOWN = 5  # kinds of files in a note


def images_below(root: Path, notes: list[str]) -> Iterator[tuple[str, int]]:
    """Yields (relative path, bytes) of the image files below ``root``, sorted; adds to ``notes`` what isn't one.

    A link to nothing has 0 bytes, and counts as unreadable later.

    Raises:
        ValueError: an image's name on what is no file: opening a pipe would wait for ever.
    """
    others: Counter[str] = Counter()
    for name, found in files_below(root):
        suffix = Path(name).suffix.lower()
        if suffix not in IMAGE_SUFFIXES:
            others[suffix or "no suffix"] += 1
            continue
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISLNK(found.st_mode):
            raise ValueError(f"{root / name}: a pipe, socket or device with an image's name; take it out")
        yield name, found.st_size if stat.S_ISREG(found.st_mode) else 0
    if others:
        kinds = ", ".join(f"{number} {suffix}" for suffix, number in others.most_common(SHOWN))
        notes.append(f"left out, since they aren't images by their names: {kinds}; images are {_suffixes()}")


def _suffixes() -> str:
    return ", ".join(sorted(IMAGE_SUFFIXES))


def find_splits(root: Path) -> dict[str, Split]:
    """Returns which folders of ``root`` are splits, {} if it has none.

    Raises:
        ValueError: folders that are called as splits are, but not one train and one val; they are no classes.
    """
    folders = {path.name for path in root.iterdir() if path.is_dir()}
    named = {name: SPLIT_OF.get(name.lower()) for name in folders if name.lower() in (*SPLIT_OF, "test")}
    if "train" not in named.values() or (len(named) == 1 and len(folders) > 1):  # a train among cars and buses
        return {}
    found = {name: split for name, split in named.items() if split}
    if folders == found.keys() and sorted(found.values()) == ["train", "val"]:
        return found
    raise ValueError(
        f"data root {root}: folders {', '.join(sorted(folders))}; either a folder train and one val (or validation) "
        "and nothing beside them, or no such folder: rename test to val, move what is not to be used elsewhere, or set "
        "source.root to the folder train alone"
    )


def scan_class_folders(root: Path) -> Scan:
    """Returns the images in root/<class>/... or root/{train,val}/<class>/..., sorted by path."""
    if not root.is_dir():
        raise ValueError(f"data root {root}: no such folder; set source.root in data.yaml")
    splits, notes = find_splits(root), list[str]()
    depth = 1 if splits else 0
    entries = []
    for file, size in images_below(root, notes):
        parts = Path(file).parts
        if len(parts) <= depth + 1:
            raise ValueError(f"{root / file}: lies in no class folder; for images without labels use kind flat_folder")
        entries.append(Entry(file, size, label=parts[depth], split=splits.get(parts[0])))
    parents = [root / name for name in splits] if splits else [root]
    classes = {path.name for parent in parents for path in parent.iterdir() if path.is_dir()}
    empty = sorted(classes - {entry.label for entry in entries})
    return Scan(root, entries, empty_classes=empty, notes=notes)


def scan_flat_folder(root: Path) -> Scan:
    """Returns all images below ``root``, without labels; of root/{train,val} with their splits."""
    if not root.is_dir():
        raise ValueError(f"data root {root}: no such folder; set source.root in data.yaml")
    splits, notes = find_splits(root), list[str]()
    entries = []
    for file, size in images_below(root, notes):
        if splits and len(Path(file).parts) == 1:
            raise ValueError(f"{root / file}: lies beside the folders {' and '.join(sorted(splits))}; move it into one")
        entries.append(Entry(file, size, split=splits.get(Path(file).parts[0])))
    return Scan(root, entries, notes=notes)
