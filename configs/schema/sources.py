"""Where images come from; a recipe chooses by ``kind``."""

from dataclasses import dataclass, field
from typing import Literal

from smalti.config.parsing import UNLESS_DEFAULT

PATH = {"path": True}  # metadata of a field that is a path: relative ones are resolved against the recipe


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
class Parquet:
    """Parquet files below ``root``, as Hugging Face's datasets writes them; train and validation by their names. Stage
    data unpacks them into the folder of runs, since compressed rows can't be read at random."""

    kind: Literal["parquet"] = "parquet"
    root: str = field(metadata=PATH)
    """Folder of the files, at any depth."""
    image_column: str = "image"
    """Column of the images: bytes, or datasets' pair of bytes and path."""
    label_column: str = "label"
    """Column of the classes: numbers, with the names that datasets keeps, or text. Images have no labels without it."""


SourceConfig = EmbeddedSource | ClassFolders | FlatFolder | ListFile | LsunLmdb | WebDataset | Parquet
