"""The files below a folder."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path


def files_below(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yields (path relative to ``root``, what it is) of all files below a folder, sorted by path; links are followed,
    and one that leads nowhere or to itself is yielded as a link. Names that start with a dot are left out.

    Raises:
        ValueError: a link to a folder that it lies in: there would be no end.
        OSError: a folder that can't be read.
    """
    files: list[tuple[str, os.stat_result]] = []
    pending = [(str(root), frozenset([_identity(root.stat())]))]
    while pending:
        folder, above = pending.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    found = entry.stat()
                except OSError:  # a link to nothing, or to itself
                    found = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    if _identity(found) in above:
                        raise ValueError(f"{entry.path}: a link to a folder that it lies in; take it out")
                    pending.append((entry.path, above | {_identity(found)}))
                elif not entry.name.startswith("."):
                    files.append((os.path.relpath(entry.path, root), found))
    yield from sorted(files, key=lambda file: file[0])


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
