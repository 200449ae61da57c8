"""Parquet files as Hugging Face's datasets write them: images in a column, classes in another."""

import json
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO

from configs.schema.sources import ParquetFiles
from datamodules.entry import Entry, Scan
from datamodules.folders import SPLIT_OF
from datamodules.index import Split
from datamodules.unpacked import unpack_whole

BATCH = 64  # rows at once: an image may have megabytes
ROWS = "rows.json"  # what was unpacked


def split_of(file: Path) -> Split | None:
    """Returns the split that a file's name begins with, or its folder's name is.

    >>> split_of(Path("train-00000-of-00005.parquet")), split_of(Path("data/validation/0000.parquet"))
    ('train', 'val')
    """
    for name in (file.name.partition("-")[0].partition(".")[0], file.parent.name):
        if name.lower() in SPLIT_OF:
            return SPLIT_OF[name.lower()]
    return None


def class_names(schema: Any, column: str) -> list[str]:
    """Returns the names that datasets keeps for the numbers of a column, none if it keeps none."""
    told = (schema.metadata or {}).get(b"huggingface")
    features = json.loads(told).get("info", {}).get("features", {}) if told else {}
    return list(features.get(column, {}).get("names", []))


def name_of(label: int, names: list[str], where: str) -> str | None:
    """Returns the name of a class number; none for -1, which datasets writes where a label isn't known.

    >>> name_of(1, ["cat", "dog"], "label"), name_of(-1, ["cat", "dog"], "label")
    ('dog', None)
    """
    if not -1 <= label < len(names):
        raise ValueError(f"{where}: class {label}, where {len(names)} classes have names")
    return None if label == -1 else names[label]


def image_bytes(value: Any, where: str) -> bytes:
    """Returns an image's bytes: of a cell that holds them, or of datasets' pair of bytes and path; none for an empty
    cell, which counts as unreadable later.

    Raises:
        ValueError: a cell of something else.
    """
    if isinstance(value, dict):
        if value.get("bytes") is None and value.get("path"):
            raise ValueError(
                f"{where}: holds the path {value['path']!r} and no bytes; use kind list_file or class_folders"
            )
        value = value.get("bytes")
    if value is not None and not isinstance(value, bytes):
        raise ValueError(f"{where}: holds {type(value).__name__}, no image's bytes; set source.image_column")
    return value or b""


def unpack(file: Path, source: ParquetFiles, stream: BinaryIO) -> Iterator[tuple[int, str | None]]:
    """Writes the images of a Parquet file one behind another; yields the size and the label of each.

    Raises:
        ValueError: it is damaged, or has no such column.
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(file) as table:
            columns = table.schema_arrow.names
            if source.image_column not in columns:
                raise ValueError(
                    f"{file}: has no column {source.image_column!r}, but {', '.join(columns)}; set source.image_column"
                )
            wanted = [source.image_column, *([source.label_column] if source.label_column in columns else [])]
            names = class_names(table.schema_arrow, source.label_column) if len(wanted) > 1 else []
            for batch in table.iter_batches(BATCH, columns=wanted):
                for row in batch.to_pylist():
                    data = image_bytes(row[source.image_column], f"{file}: {source.image_column}")
                    stream.write(data)
                    label = row[source.label_column] if len(wanted) > 1 else None
                    if label is not None and names:
                        label = name_of(label, names, f"{file}: {source.label_column}")
                    yield len(data), None if label is None else str(label)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{file}: not a readable Parquet file ({' '.join(str(error).split())[:200]})") from error


def scan_parquet(source: ParquetFiles, place: str, root: Callable[[], Path], folder: Path) -> Scan:
    """Returns the images of the Parquet files below ``root()``, which is asked for unless they lie unpacked in
    ``folder``; those of files called test are left out.

    Raises:
        ValueError, naming ``place``: no such files, one that can't be read, or labels or names of splits that some have
            and some haven't.
    """
    try:
        import pyarrow.parquet  # noqa: F401  # before gigabytes are fetched
    except ImportError as error:
        raise ValueError(f"{place}: Parquet files need a further package: pip install 'smalti[parquet]'") from error

    def fill(unpacked: Path) -> None:
        there, told = root(), {}
        files = sorted(str(path.relative_to(there)) for path in there.rglob("*") if path.is_file())
        wanted = [file for file in files if fnmatchcase(file, source.files)]
        if not wanted:
            raise ValueError(f"{place}: no files {source.files}; set source.files in data.yaml")
        for number, file in enumerate(wanted):
            name = f"images-{number:05d}.bin"
            with (unpacked / name).open("wb") as stream:
                told[name] = {"file": file, "rows": list(unpack(there / file, source, stream))}
        (unpacked / ROWS).write_text(json.dumps(told))

    unpack_whole(folder, fill)
    entries, left_out, unlabelled = list[Entry](), 0, 0
    for name, told in json.loads((folder / ROWS).read_text()).items():
        file, offset = Path(told["file"]), 0
        if file.name.lower().startswith("test") or file.parent.name.lower() == "test":
            left_out += len(told["rows"])
            continue
        for row, (size, label) in enumerate(told["rows"]):
            entries.append(Entry(name, size, offset, label, split_of(file), name=f"{told['file']}:{row}"))
            offset, unlabelled = offset + size, unlabelled + (label is None)
    if len({entry.split for entry in entries}) == 1:
        entries = [Entry(e.file, e.size, e.offset, e.label, None, e.name) for e in entries]
    if any(entry.split is None for entry in entries) and any(entry.split for entry in entries):
        raise ValueError(f"{place}: some files are called train or validation and some aren't; rename them")
    if 0 < unlabelled < len(entries):
        raise ValueError(f"{place}: {unlabelled} of {len(entries)} images have no label; give all or none")
    notes = [f"{left_out} images of files called test are left out"] if left_out else []
    if entries and unlabelled == len(entries):
        notes.append(f"no classes in a column {source.label_column!r}: images without labels")
    return Scan(folder, entries, by_number=True, notes=notes)
