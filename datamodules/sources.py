"""Scanning a data source for its images: one scan for each kind, run once by stage data."""

import csv
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from configs.schema.sources import (
    ClassFolders,
    EmbeddedSource,
    FlatFolder,
    HubDataset,
    ListFile,
    LsunLmdb,
    Parquet,
    SourceConfig,
    SplitByList,
)
from datamodules.entry import Entry, Scan
from datamodules.ffhq import scan_ffhq
from datamodules.folders import scan_class_folders, scan_flat_folder
from datamodules.hub import scan_hub
from datamodules.index import SPLITS
from datamodules.parquet import scan_parquet
from datamodules.unpacked import unpack_whole
from datamodules.val_list import split_by_list
from datamodules.webdataset import scan_webdataset
from smalti.config.parsing import unknown


def unpack_embedded(archive: Path, folder: Path) -> Path:
    """Unpacks the embedded zip into ``folder`` unless it is there; returns the folder of its splits.

    Raises:
        ValueError: a member would land outside the folder.
    """

    def fill(unpacked: Path) -> None:
        with zipfile.ZipFile(archive) as zipped:
            for member in zipped.namelist():
                if PurePosixPath(member).is_absolute() or ".." in PurePosixPath(member).parts:
                    raise ValueError(f"{archive}: member {member!r} would be written outside its folder")
            zipped.extractall(unpacked)

    unpack_whole(folder, fill)
    return folder / archive.stem


def scan_list(root: Path, list_file: Path) -> Scan:
    """Returns the images of a list file, in its order: lines of path[,label[,split]], a header ``path,...`` at most."""
    entries = []
    for number, row in _csv_rows(list_file):
        if not row or (number == 1 and row[0] == "path"):
            continue
        file, label, split = [*row, "", ""][:3]
        if split not in ("", *SPLITS):
            raise ValueError(f"{list_file}: line {number}: split {split!r} given, expected train or val")
        entries.append(Entry.listed(root, file, label or None, split or None))
    for column in ("label", "split"):
        filled = sum(getattr(entry, column) is not None for entry in entries)
        if 0 < filled < len(entries):
            raise ValueError(f"{list_file}: {len(entries) - filled} lines have no {column}; give all or none")
    return Scan(root, entries, by_number=True)


def _csv_rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yields (line number, fields) of a CSV file, in UTF-8 with or without the mark that spreadsheets put before it."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            for row in reader:
                yield reader.line_num, row
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: not a CSV file in UTF-8 ({error}); save it as one") from error


def scan_lmdb(root: Path) -> Scan:
    """Returns the images of an LSUN LMDB; an entry's ``file`` is its key in hex."""
    import lmdb

    if not (root / "data.mdb").is_file():
        raise ValueError(
            f"data root {root}: no data.mdb in it; an LSUN folder such as church_outdoor_train_lmdb has one"
        )
    try:
        with lmdb.open(str(root), readonly=True, lock=False) as environment, environment.begin() as transaction:
            needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
            if (there := (root / "data.mdb").stat().st_size) < needed:  # reading past the end is a bus error
                raise ValueError(f"{root / 'data.mdb'}: cut off ({there} of {needed} bytes); fetch it again")
            entries = [
                Entry(key.hex(), len(value), name=key.decode(errors="replace")) for key, value in transaction.cursor()
            ]
    except lmdb.Error as error:
        raise ValueError(f"{root}: not a readable LMDB ({error}); fetch it again") from error
    return Scan(root, entries, storage="lmdb")


def scan(source: SourceConfig, embedded: Path, unpacked: Path) -> Scan:
    """Returns the images of ``source``, split by its val list if it has one; the archive ``embedded``, and Parquet
    files, are first unpacked to ``unpacked``."""
    found = _scan(source, embedded, unpacked)
    if found.entries and isinstance(source, SplitByList) and source.val_list is not None:
        return replace(found, entries=split_by_list(found.entries, Path(source.val_list)))
    return found


def _of_classes(found: Scan, classes: Sequence[str]) -> Scan:
    """Returns the images of some classes, of all for none; ValueError for an unknown one."""
    for name in classes:
        if name not in found.class_names:
            raise ValueError(f"source.classes in data.yaml: {unknown('class', name, found.class_names)}")
    return replace(found, entries=[e for e in found.entries if e.label in classes]) if classes else found


def _scan(source: SourceConfig, embedded: Path, unpacked: Path) -> Scan:
    if isinstance(source, EmbeddedSource):
        return _of_classes(scan_class_folders(unpack_embedded(embedded, unpacked)), source.classes)
    if isinstance(source, HubDataset):
        return scan_hub(source, unpacked)
    root = Path(source.root)
    if isinstance(source, ClassFolders):
        return scan_class_folders(root)
    if isinstance(source, FlatFolder):
        return scan_flat_folder(root)
    if isinstance(source, ListFile):
        listed = Path(source.list)
        return scan_ffhq(root, listed) if listed.suffix == ".json" else scan_list(root, listed)
    if isinstance(source, Parquet):
        return scan_parquet(source, f"data root {root}", lambda: root, unpacked)
    return scan_lmdb(root) if isinstance(source, LsunLmdb) else scan_webdataset(root)
