"""The index of a data set: what stage data publishes, and how images are read by it.

``files.txt`` has one file a line (an image, a tar shard, or an LMDB key in hex). ``records.npy`` int64 (M, 3) has for
each image the number of its file, and the offset and size of its bytes there. ``labels.npy`` int64 (M,) has -1 for an
image without a label. ``splits.npy`` uint8 (M,) has 0 for train and 1 for val. ``index.json`` has the rest.
"""

import errno
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from datamodules.arrays import read_array, write_array
from smalti.images import decode

FILES = ("files.txt", "records.npy", "labels.npy", "splits.npy", "index.json")
Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = ("train", "val")  # by their number in splits.npy
# Errors of the system that say nothing of the file that was asked for.
STORAGE_FAILS = (
    errno.EAGAIN, errno.ECONNRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EIO, errno.EMFILE, errno.ENETDOWN,
    errno.ENETUNREACH, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOTCONN, errno.EREMOTEIO, errno.ESTALE,
    errno.ETIMEDOUT,
)  # fmt: skip


@dataclass(frozen=True)
class IndexFacts:
    """What later stages read here instead of configuring it; ``storage`` says how the bytes of an image are read."""

    storage: Literal["files", "lmdb"]
    image_size: int
    class_names: list[str]
    num_train: int
    num_val: int
    listing: str
    upright: bool = False
    """Whether images are turned as their EXIF orientation says; not written where it isn't so."""


class ImageIndex:
    """A published index, and the folder ``root`` that its files are relative to."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.root = root
        self.facts = IndexFacts(**json.loads((folder / "index.json").read_text()))
        self.files = (folder / "files.txt").read_text().split("\n")
        self.records = read_array(folder / "records.npy", "r")
        self.labels = read_array(folder / "labels.npy")
        self.splits = read_array(folder / "splits.npy")
        if not root.exists():
            raise ValueError(f"data root {root}: gone since it was indexed; bring it back, or run stage data again")

    def members(self, split: Split) -> np.ndarray:
        """Returns the indices of a split in order, int64."""
        return np.flatnonzero(self.splits == (split == "val"))

    def name(self, index: int) -> str:
        """Returns the image's name for messages: its file, and its offset in an archive."""
        file, offset, _ = self.records[index]
        return self.files[file] if not offset else f"{self.files[file]}@{offset}"

    def picture(self, index: int) -> Image.Image:
        """Returns an image in mode RGB.

        Raises:
            UnreadableImage: it is damaged.
            OSError, ValueError: as ``read``.
        """
        return decode(self.read(index), self.facts.upright)

    def read(self, index: int) -> bytes:
        """Returns the bytes of the image file.

        Raises:
            OSError: they can't be read: the file is gone, or is none.
            ValueError: the storage or the network to it fails. The image isn't to blame: left out, it would be missing
                from a result by chance.
        """
        file, offset, size = (int(number) for number in self.records[index])
        if self.facts.storage == "lmdb":
            with self._lmdb.begin() as transaction:
                return bytes(transaction.get(bytes.fromhex(self.files[file])) or b"")
        path = self.root / self.files[file]
        try:
            with path.open("rb") as stream:
                stream.seek(offset)
                return stream.read(size)
        except OSError as error:
            if error.errno in STORAGE_FAILS:
                raise ValueError(
                    f"{path}: {error.strerror}; the storage fails, not the image: run the same command again"
                ) from error
            raise

    @cached_property
    def _lmdb(self):  # type: ignore[no-untyped-def]  # lmdb ships no types
        import lmdb

        return lmdb.open(str(self.root), readonly=True, lock=False, readahead=False)

    def __getstate__(self) -> dict[str, object]:
        """Leaves out the open LMDB: each worker process opens its own."""
        return {name: value for name, value in self.__dict__.items() if name != "_lmdb"}


def write_index(
    folder: Path, files: Sequence[str], records: np.ndarray, labels: np.ndarray, splits: np.ndarray, facts: IndexFacts
) -> dict[str, Path]:
    """Writes an index and returns {name: path} of its files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "files.txt").write_text("\n".join(files))
    for name, array in (("records", records), ("labels", labels), ("splits", splits)):
        write_array(folder / f"{name}.npy", array)
    said = {name: value for name, value in asdict(facts).items() if name != "upright" or value}
    (folder / "index.json").write_text(json.dumps(said, indent=1))
    return {name: folder / name for name in FILES}
