"""A cheap listing of a data source: names, sizes, times of change. It makes an added image change the key."""

import functools
import hashlib
import zipfile
from pathlib import Path

from configs.schema.sources import EmbeddedSource, HubDataset, ListFile, SourceConfig, SplitByList
from smalti.file_tree import files_below

EMBEDDED = Path(__file__).resolve().parent.parent / "datamodules" / "assets" / "fluent-emoji-64.zip"


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
    if isinstance(source, HubDataset):  # a commit pins every byte
        return hashlib.sha256(f"{source.name}\0{source.revision}".encode()).hexdigest()
    root = Path(source.root)
    if not root.is_dir():
        raise ValueError(f"data root {root}: no such folder; set source.root in data.yaml")
    count = 0
    for name, found in files_below(root):
        # Names are bytes; which ones an image may have says stage data.
        digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode(errors="surrogateescape"))
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
