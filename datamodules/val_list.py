"""A public split: a text file that names the val images of a data set, one a line; all others are train."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from datamodules.entry import Entry

SHOWN = 3  # names in an error


def split_by_list(entries: Sequence[Entry], val_list: Path) -> list[Entry]:
    """Returns the ``entries`` with their split: val if the list names them, else train.

    A line is an image's path relative to the data root, or its file name alone where no other image has the same.

    Raises:
        ValueError: the source has a split of its own, a line names no image or several, an image is named twice, or
            train or val would be empty.
    """
    if any(entry.split for entry in entries):
        raise ValueError(f"val list {val_list}: the source has train and val of its own; set source.val_list to null")
    lines = [line for line in val_list.read_text(errors="surrogateescape").splitlines() if line.strip()]
    if not lines:
        raise ValueError(f"val list {val_list}: names no image, so that val would be empty; write one name a line")
    val = _files_of(lines, [entry.file for entry in entries], val_list)
    found = [replace(entry, split="val" if entry.file in val else "train") for entry in entries]
    if all(entry.split == "val" for entry in found):
        raise ValueError(
            f"val list {val_list}: names all images, so that train would be empty; name those of val alone"
        )
    return found


def _files_of(lines: Sequence[str], files: Sequence[str], val_list: Path) -> set[str]:
    """Returns the files that the lines name, one each."""
    by_name: dict[str, set[str]] = {}
    for file in files:
        for name in {file, PurePath(file).name}:
            by_name.setdefault(name, set()).add(file)
    known = set(files)
    found = [{line} if line in known else by_name.get(line, set()) for line in lines]
    if missing := [line for line, its in zip(lines, found, strict=True) if not its]:
        raise ValueError(
            f"val list {val_list}: {len(missing)} of {len(lines)} names not in the data: {_some(missing)}; its "
            f"{len(files)} images are called {_some(files)}; mend the list or the data root"
        )
    if unclear := [line for line, its in zip(lines, found, strict=True) if len(its) > 1]:
        raise ValueError(
            f"val list {val_list}: names of several images: {_some(unclear)}; give paths relative to the data root"
        )
    named = Counter(file for its in found for file in its)
    if twice := [file for file, count in named.items() if count > 1]:
        raise ValueError(f"val list {val_list}: named more than once: {_some(twice)}; name each image once")
    return set(named)


def _some(names: Sequence[str]) -> str:
    """Returns the first of the names, and how many more there are.

    >>> _some(["a.png"]), _some(["a", "b", "c", "d"])
    ("'a.png'", "'a', 'b', 'c' and 1 more")
    """
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more
