"""Small Parquet files as Hugging Face's datasets writes them."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow
from PIL import Image
from pyarrow import parquet

from datamodules.entry import Scan


def png(value: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (value, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


def write(file: Path, images: list[object], labels: list[object] | None, names: list[str] | None = None) -> None:
    """A file as ``Dataset.to_parquet`` makes it: names of classes stand in the schema's metadata."""
    columns: dict[str, object] = {"image": images}
    if labels is not None:
        columns["label"] = labels
    table = pyarrow.table(columns)
    if names:
        told = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(told)})
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, file, row_group_size=2)


def pairs(*values: int) -> list[object]:
    return [{"bytes": png(value), "path": f"{value}.png"} for value in values]


def read(found: Scan, number: int) -> int:
    """The red of an image, read by its record alone."""
    entry = found.entries[number]
    with (found.root / entry.file).open("rb") as stream:
        stream.seek(entry.offset)
        return int(np.asarray(Image.open(io.BytesIO(stream.read(entry.size))))[0, 0, 0])
