"""Where images come from; a recipe chooses by ``kind``."""

import re
from dataclasses import dataclass, field
from typing import Literal

from smalti.config.parsing import UNLESS_DEFAULT

PATH = {"path": True}  # metadata of a field that is a path: relative ones are resolved against the recipe
COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class EmbeddedSource:
    """The data set that ships with the project, with its own train and val folders."""

    kind: Literal["embedded"] = "embedded"
    classes: tuple[str, ...] = field(default=(), metadata={"hash": UNLESS_DEFAULT})
    """Classes to use, by name; empty: all nine."""


@dataclass(frozen=True, kw_only=True)
class SplitByList:
    """What sources have in common whose images have names of their own."""

    val_list: str | None = field(default=None, metadata={**PATH, "hash": UNLESS_DEFAULT})
    """Text file that names the val images, one a line: a path relative to ``root``, or a file name that only one image
    has. All others are train. null: the source's own split, or one by seed."""


@dataclass(frozen=True, kw_only=True)
class ClassFolders(SplitByList):
    """``root/<class>/...`` or ``root/{train,val}/<class>/...``; any depth below the class."""

    kind: Literal["class_folders"] = "class_folders"
    root: str = field(metadata=PATH)
    """Folder of the data set."""


@dataclass(frozen=True, kw_only=True)
class FlatFolder(SplitByList):
    """All images below ``root``, without labels."""

    kind: Literal["flat_folder"] = "flat_folder"
    root: str = field(metadata=PATH)
    """Folder of the data set."""


@dataclass(frozen=True, kw_only=True)
class ListFile(SplitByList):
    """A text or CSV file with one image a line: path[,label[,split]]; paths relative to ``root``. Or FFHQ's own list,
    ffhq-dataset-v2.json, with its split."""

    kind: Literal["list_file"] = "list_file"
    root: str = field(metadata=PATH)
    """Folder that the list's paths start from."""
    list: str = field(metadata=PATH)
    """The list itself."""


@dataclass(frozen=True, kw_only=True)
class LsunLmdb:
    """An LSUN LMDB folder (``data.mdb``): image bytes by key, without labels."""

    kind: Literal["lsun_lmdb"] = "lsun_lmdb"
    root: str = field(metadata=PATH)
    """The LMDB's folder."""


@dataclass(frozen=True, kw_only=True)
class WebDataset:
    """Tar shards below ``root``: <key>.<image extension>, with <key>.cls as label where there is one; a <key>.txt is a
    caption, and left out."""

    kind: Literal["webdataset"] = "webdataset"
    root: str = field(metadata=PATH)
    """Folder of the shards, at any depth."""


@dataclass(frozen=True, kw_only=True)
class ParquetFiles:
    """Parquet files as Hugging Face's datasets writes them; train and validation by their names.

    Stage data unpacks them into the folder of runs, since compressed rows can't be read at random."""

    files: str = field(default="*.parquet", metadata={"hash": UNLESS_DEFAULT})
    """Which files, by a pattern whose * stands for slashes too: ``fine/*.parquet`` is one configuration of several."""
    image_column: str = "image"
    """Column of the images: bytes, or datasets' pair of bytes and path."""
    label_column: str = "label"
    """Column of the classes: numbers, with the names that datasets keeps, or text. Images have no labels without it."""


@dataclass(frozen=True, kw_only=True)
class Parquet(ParquetFiles):
    """Parquet files below ``root``."""

    kind: Literal["parquet"] = "parquet"
    root: str = field(metadata=PATH)
    """Folder of the files, at any depth."""


@dataclass(frozen=True, kw_only=True)
class HubDataset(ParquetFiles):
    """Parquet files of a data set on the Hugging Face hub. Stage data fetches them into the hub's own cache (HF_HOME),
    which isn't needed any more once they are unpacked."""

    kind: Literal["hub"] = "hub"
    name: str
    """OWNER/NAME of the data set."""
    revision: str
    """Its commit, 40 hexadecimal digits: a branch would be another data set under the same key one day."""

    def __post_init__(self) -> None:
        if self.name.count("/") != 1:
            raise ValueError(f"source.name {self.name!r}: OWNER/NAME is needed")
        if not COMMIT.fullmatch(self.revision):
            raise ValueError(
                f"source.revision {self.revision!r}: no commit of 40 hexadecimal digits; the data set's page on the "
                "hub has it under History"
            )


SourceConfig = EmbeddedSource | ClassFolders | FlatFolder | ListFile | LsunLmdb | WebDataset | Parquet | HubDataset
