"""A cheap listing of a data source: names, sizes, times of change. It makes an added image change the key."""

import functools
import hashlib
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from configs.schema.sources import EmbeddedSource, ListFile, SourceConfig, SplitByList

EMBEDDED = Path(__file__).resolve().parent.parent / "datamodules" / "assets" / "fluent-emoji-64.zip"


def walk(root: Path) -> Iterator[tuple[str, int, int]]:
    """Yields (relative name, bytes, mtime in ns) of the files below ``root``, sorted."""
    pending = [root]
    files = []
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    pending.append(Path(entry.path))
                elif not entry.name.startswith("."):
                    stat = entry.stat(follow_symlinks=Path(entry.path).exists())  # a link to nothing is itself
                    files.append((os.path.relpath(entry.path, root), stat.st_size, stat.st_mtime_ns))
    yield from sorted(files)


@functools.cache
def hash_listing(source: SourceConfig) -> str:
    """Returns the sha256 of the source's listing.

    Raises:
        ValueError: the source isn't there or is empty.
    """
    digest = hashlib.sha256()
    if isinstance(source, EmbeddedSource):
        with zipfile.ZipFile(EMBEDDED) as archive:
            for member in archive.infolist():
                digest.update(f"{member.filename}\0{member.file_size}\0{member.CRC}\n".encode())
        return digest.hexdigest()
    root = Path(source.root)
    if not root.is_dir():
        raise ValueError(f"data root {root}: no such folder; set source.root in data.yaml")
    count = 0
    for name, size, changed in walk(root):
        # Names are bytes; which ones an image may have says stage data.
        digest.update(f"{name}\0{size}\0{changed}\n".encode(errors="surrogateescape"))
        count += 1
    if not count:
        raise ValueError(f"data root {root}: holds no files; set source.root in data.yaml to a folder of images")
    if isinstance(source, ListFile):
        path = Path(source.list)
        if not path.is_file():
            raise ValueError(f"list file {path}: no such file; set source.list in data.yaml")
        digest.update(path.read_bytes())
    if isinstance(source, SplitByList) and source.val_list is not None:
        path = Path(source.val_list)
        if not path.is_file():
            raise ValueError(
                f"val list {path}: no such file; set source.val_list in data.yaml to a list of the val images, or to "
                "null for a split by seed"
            )
        digest.update(b"val\0" + path.read_bytes())
    return digest.hexdigest()
