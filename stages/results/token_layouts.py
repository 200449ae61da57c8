"""Published tokens in the layouts that other people's priors read."""

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from datamodules.rows import ShardRows
from smalti.artifact import Artifact

ROWS_PER_TAR = 10_000
TAR_TIME = 0  # of every file in a tar: equal tokens make equal tars


def rows_of(shards: Artifact, split: str) -> Iterator[tuple[int, np.ndarray, int]]:
    """Yields (number, tokens (V, N) or (V, k, N), label) of each image of a split; the label is -1 where there is
    none."""
    rows = ShardRows(shards.path, split, "tokens")
    for number in range(len(rows)):
        yield number, rows.values[number], int(rows.labels[number])


def write_npz(shards: Artifact, folder: Path) -> None:
    """Writes train.npz and val.npz: ``tokens`` (M, V, N) or (M, V, k, N) in raster order, view 0 the first crop
    unflipped, ``labels`` (M,), ``class_names`` and ``grid``."""
    for split in ("train", "val"):
        rows = ShardRows(shards.path, split, "tokens")
        tokens = rows.values.gather(np.arange(len(rows)))
        names, grid = np.array(shards.facts["class_names"], dtype=str), np.array(shards.facts["grid"])
        np.savez(folder / f"{split}.npz", tokens=tokens, labels=rows.labels, class_names=names, grid=grid)


def write_webdataset(shards: Artifact, folder: Path) -> None:
    """Writes tars of ``<number>.npy``, the tokens as above, and ``<number>.cls``, the class as text, for WebDataset."""
    for split in ("train", "val"):
        tar = None
        for number, tokens, label in rows_of(shards, split):
            if number % ROWS_PER_TAR == 0:
                if tar:
                    tar.close()
                tar = tarfile.open(folder / f"{split}-{number // ROWS_PER_TAR:06d}.tar", "w")  # noqa: SIM115
            assert tar is not None
            stream = io.BytesIO()
            np.save(stream, tokens)
            _add(tar, f"{number:08d}.npy", stream.getvalue())
            if label >= 0:
                _add(tar, f"{number:08d}.cls", str(label).encode())
        if tar:
            tar.close()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = len(data), TAR_TIME
    tar.addfile(entry, io.BytesIO(data))


def write_llamagen(shards: Artifact, folder: Path) -> None:
    """Writes the train images as LlamaGen's extract_codes_c2i.py does: ``<name><size>_codes/<i>.npy`` (1, V, N) and
    ``<name><size>_labels/<i>.npy`` (1,), both int64; ``name`` is imagenet there, and its loader asks for it.

    Raises:
        ValueError: several books, or images without labels, which that loader has no place for.
    """
    if shards.facts["num_books"] > 1:
        raise ValueError(f"--tokens llamagen: {shards.facts['num_books']} books; that layout has one, take npz")
    if not shards.facts["class_names"]:
        raise ValueError("--tokens llamagen: the images have no labels, which that layout needs; take npz")
    size = image_size(shards)
    codes, labels = (folder / f"imagenet{size}_{name}" for name in ("codes", "labels"))
    for place in (codes, labels):
        place.mkdir()
    for number, tokens, label in rows_of(shards, "train"):
        np.save(codes / f"{number}.npy", tokens[None].astype(np.int64))
        np.save(labels / f"{number}.npy", np.array([label], dtype=np.int64))


def image_size(shards: Artifact) -> int:
    """Returns the side of the images that shards were made from."""
    (tokenizer,) = (parent for parent in shards.parents() if parent.stage == "tokenizer")
    return int(tokenizer.facts["image_size"])


LAYOUTS: dict[str, Callable[[Artifact, Path], None]] = {
    "npz": write_npz,
    "webdataset": write_webdataset,
    "llamagen": write_llamagen,
}
