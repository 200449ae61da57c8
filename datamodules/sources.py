"""Scanning a data source for its images: one scan for each kind, run once by stage data."""

import csv
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from configs.schema.sources import (
    ClassFolders,
    EmbeddedSource,
    FlatFolder,
    ListFile,
    LsunLmdb,
    SourceConfig,
    SplitByList,
)
from datamodules.entry import Entry
from datamodules.val_list import split_by_list

IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
SPLITS = ("train", "val")


@dataclass(frozen=True)
class Scan:
    """All images of a source in a fixed order; their files are relative to ``root``."""

    root: Path
    entries: list[Entry]
    storage: str = "files"
    empty_classes: list[str] = field(default_factory=list)


def unpack_embedded(archive: Path, folder: Path) -> Path:
    """Unpacks the embedded zip into ``folder`` unless it is there; returns the folder of its splits.

    One rename at the end makes the folder appear whole. If two recipes unpack it at the same time, the slower one takes
    the other's folder.

    Raises:
        ValueError: a member would land outside the folder.
    """
    if not folder.is_dir():
        with zipfile.ZipFile(archive) as zipped:
            for member in zipped.namelist():
                if PurePosixPath(member).is_absolute() or ".." in PurePosixPath(member).parts:
                    raise ValueError(f"{archive}: member {member!r} would be written outside its folder")
            with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
                unpacked = Path(temporary, "unpacked")
                zipped.extractall(unpacked)
                try:
                    unpacked.rename(folder)
                except OSError:
                    if not folder.is_dir():
                        raise
    return folder / archive.stem


def _images(root: Path) -> Iterator[tuple[str, int]]:
    """Yields (relative path, bytes) of the image files below ``root``, sorted."""
    files = []
    for directory, _, names in os.walk(root, followlinks=True):
        for name in names:
            if Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith("."):
                path = Path(directory, name)
                size = path.stat().st_size if path.exists() else 0  # a dangling link, which counts as unreadable later
                files.append((os.path.relpath(path, root), size))
    yield from sorted(files)


def scan_class_folders(root: Path) -> Scan:
    """Returns the images in root/<class>/... or root/{train,val}/<class>/..., sorted by path."""
    if not root.is_dir():
        raise ValueError(f"data root {root}: no such folder; set source.root in data.yaml")
    folders = {path.name for path in root.iterdir() if path.is_dir()}
    has_splits = folders == set(SPLITS)
    depth = 1 if has_splits else 0
    entries = []
    for file, size in _images(root):
        parts = Path(file).parts
        if len(parts) <= depth + 1:
            raise ValueError(f"{root / file}: lies in no class folder; for images without labels use kind flat_folder")
        entries.append(Entry(file, size, label=parts[depth], split=parts[0] if has_splits else None))
    parents = [root / name for name in SPLITS] if has_splits else [root]
    classes = {path.name for parent in parents for path in parent.iterdir() if path.is_dir()}
    return Scan(root, entries, empty_classes=sorted(classes - {entry.label for entry in entries}))


def scan_flat_folder(root: Path) -> Scan:
    """Returns all images below ``root``, without labels."""
    return Scan(root, [Entry(file, size) for file, size in _images(root)])


def scan_list(root: Path, list_file: Path) -> Scan:
    """Returns the images of a list file, in its order: lines of path[,label[,split]], a header ``path,...`` at most."""
    entries = []
    with list_file.open(newline="") as stream:
        for number, row in enumerate(csv.reader(stream), 1):
            if not row or (number == 1 and row[0] == "path"):
                continue
            file, label, split = [*row, "", ""][:3]
            if split not in ("", *SPLITS):
                raise ValueError(f"{list_file}: line {number}: split {split!r} given, expected train or val")
            path = root / file
            size = path.stat().st_size if path.is_file() else 0  # a missing file counts as unreadable later
            entries.append(Entry(file, size, label=label or None, split=split or None))
    labelled = sum(entry.label is not None for entry in entries)
    if 0 < labelled < len(entries):
        raise ValueError(f"{list_file}: {len(entries) - labelled} lines have no label; give all or none")
    return Scan(root, entries)


def scan_lmdb(root: Path) -> Scan:
    """Returns the images of an LSUN LMDB; an entry's ``file`` is its key in hex."""
    import lmdb

    if not (root / "data.mdb").is_file():
        raise ValueError(
            f"data root {root}: no data.mdb in it; an LSUN folder such as church_outdoor_train_lmdb has one"
        )
    try:
        with lmdb.open(str(root), readonly=True, lock=False) as environment, environment.begin() as transaction:
            entries = [
                Entry(key.hex(), len(value), name=key.decode(errors="replace")) for key, value in transaction.cursor()
            ]
    except lmdb.Error as error:
        raise ValueError(f"{root}: not a readable LMDB ({error}); fetch it again") from error
    return Scan(root, entries, storage="lmdb")


def _members(shard: Path) -> tuple[dict[str, tarfile.TarInfo], dict[str, str]]:
    """Returns the image members of a tar shard and its labels, by sample key.

    Raises:
        tarfile.TarError: the shard is cut off or damaged anywhere.
        ValueError: a sample has two images.
    """
    images: dict[str, tarfile.TarInfo] = {}
    labels: dict[str, str] = {}
    with tarfile.open(shard, "r:") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if not member.isfile() or not path.name:
                continue
            key = str(path.with_name(path.name.partition(".")[0]))
            if path.suffix.lower() in IMAGE_SUFFIXES:
                if key in images:
                    raise ValueError(
                        f"{shard}: {images[key].name} and {member.name} are images of one sample; keep one of them"
                    )
                images[key] = member
            elif path.suffix in (".cls", ".txt"):
                stream = archive.extractfile(member)
                labels[key] = stream.read(1024).decode(errors="replace").strip() if stream else ""
        _check_end(archive)
    return images, labels


def _check_end(archive: tarfile.TarFile) -> None:
    """Raises tarfile.ReadError unless only zeros follow the last member: tarfile takes a damaged header for the end."""
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    while data := archive.fileobj.read(2**20):
        if data.strip(b"\0"):
            raise tarfile.ReadError(f"damaged at byte {archive.offset}")


def scan_webdataset(root: Path) -> Scan:
    """Returns the image members of all tar shards below ``root``, with offsets by which they are read at random.

    Nothing is unpacked; a member's path is only its name.
    """
    entries = []
    shards = sorted(path for path in root.rglob("*.tar") if path.is_file())
    for shard in shards:
        file = str(shard.relative_to(root))
        try:
            images, labels = _members(shard)
        except tarfile.TarError as error:
            raise ValueError(f"{shard}: not a readable tar file ({error}); fetch it again or take it out") from error
        missing = len(images.keys() - labels.keys())
        if 0 < missing < len(images):
            raise ValueError(f"{shard}: {missing} images have no label; give all or none")
        entries += [
            Entry(file, member.size, member.offset_data, labels.get(key), name=key) for key, member in images.items()
        ]
    if len({entry.label is None for entry in entries}) == 2:
        raise ValueError(f"data root {root}: some shards have a label for every image and some don't; give all or none")
    return Scan(root, entries)


def scan(source: SourceConfig, embedded: Path, unpacked: Path) -> Scan:
    """Returns the images of ``source``, split by its val list if it has one; the archive ``embedded`` is first unpacked
    to ``unpacked``."""
    found = _scan(source, embedded, unpacked)
    if found.entries and isinstance(source, SplitByList) and source.val_list is not None:
        return replace(found, entries=split_by_list(found.entries, Path(source.val_list)))
    return found


def _scan(source: SourceConfig, embedded: Path, unpacked: Path) -> Scan:
    if isinstance(source, EmbeddedSource):
        return scan_class_folders(unpack_embedded(embedded, unpacked))
    root = Path(source.root)
    if isinstance(source, ClassFolders):
        return scan_class_folders(root)
    if isinstance(source, FlatFolder):
        return scan_flat_folder(root)
    if isinstance(source, ListFile):
        return scan_list(root, Path(source.list))
    return scan_lmdb(root) if isinstance(source, LsunLmdb) else scan_webdataset(root)
