"""``python -m pipeline clean``: what results and unfinished work take on the disk, and freeing it."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.byte_size import byte_size


@dataclass(frozen=True)
class Doomed:
    """A folder that would go: a result or unfinished work of a stage, and the bytes that deleting it frees."""

    folder: Path
    what: str
    size: int


def own_folders(recipes: Sequence[Recipe], store: Store) -> tuple[set[Path], set[Path]]:
    """Returns the folders of results and work that the recipes have now, and those of the results behind them."""
    own: set[Path] = set()
    behind: set[Path] = set()
    for recipe in recipes:
        for stage, status in recipe.status(store).items():
            if status.key:
                own |= {store.path(stage, status.key), store.work(stage, status.key)}
            pending = list((status.inputs or {}).values())
            while pending:  # of other recipes, and their parents
                artifact = pending.pop()
                if artifact.path not in behind:
                    behind.add(artifact.path)
                    pending += artifact.parents()
    return own, behind


def doomed(recipes: Sequence[Recipe], store: Store, unused: bool) -> Iterator[Doomed]:
    """Yields what the recipes have; with ``unused`` what they don't have, of any recipe.

    Work at which a process is isn't among it.
    """
    own, behind = own_folders(recipes, store)
    for kind, what in (("artifacts", "result"), ("work", "unfinished work")):
        for folder in sorted((store.root / kind).glob("*/[!.]*")):
            chosen = folder not in own | behind if unused else folder in own
            if folder.parent.is_symlink():  # to somebody else's results
                continue
            if chosen and folder.is_dir() and not _busy(store.work(folder.parent.name, folder.name)):
                size = _size(folder)
                if size:
                    yield Doomed(folder, f"{what} of {folder.parent.name}", size)


def clean(recipes: Sequence[Recipe], store: Store, unused: bool, yes: bool) -> int:
    """Prints what would go, and with ``yes`` deletes it; returns the exit code."""
    total = 0
    for item in doomed(recipes, store, unused):
        print(f"{byte_size(item.size):>10}  {item.what:30} {item.folder}")
        total += item.size
        if yes:
            hidden = item.folder.with_name(f".{item.folder.name}.gone")
            item.folder.rename(hidden)  # a result is whole or absent while its files go
            shutil.rmtree(hidden)
    print(f"{byte_size(total)} {'freed' if yes else 'would be freed; add --yes to delete them'}")
    return 0


def _busy(work: Path) -> bool:
    """Returns whether a process is at work in a folder."""
    with contextlib.suppress(FileNotFoundError), (work / "lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _size(folder: Path) -> int:
    """Returns the bytes of the files below a folder that have no other link."""
    found = [Path(place, name).lstat() for place, _, names in os.walk(folder) for name in names]
    return sum(one.st_blocks * 512 for one in found if one.st_nlink == 1)
