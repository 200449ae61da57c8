"""Images to be judged: a folder of files, an npz, or published samples; all of one size, uint8."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from smalti.artifact import MANIFEST, Artifact
from smalti.evaluation.npz import NpzSet
from smalti.file_tree import files_below
from smalti.images import SUFFIXES, UnreadableImage, crop, decode, resize_short_side

Block = Sequence[np.ndarray]  # images (H, W, 3) uint8


class ImageSet(Protocol):
    """Images in an order, which are read a few at a time."""

    name: str

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int) -> Block:
        """Returns images, stop - start of them."""
        ...

    @property
    def labels(self) -> np.ndarray | None:
        """The class (N,) of each image, where it is known."""
        ...


def open_images(place: Path, size: int | None = None, any_size: bool = False) -> ImageSet:
    """Returns the images of a folder, an npz, or published samples: their folder, with /PRIOR or /PRIOR/DECODER behind
    it where they are of several.

    Args:
        size: side that images of a folder are scaled and cropped to, as ADM does; None takes them as they are.
        any_size: whether images of a folder may differ in size.

    Raises:
        ValueError: nothing of that kind is there.
    """
    for folder in (place, place.parent, place.parent.parent):
        if (folder / MANIFEST).is_file():
            return SampleSet(Artifact(folder), place.relative_to(folder).parts)
    if place.is_dir():
        return FolderSet(place, size, any_size)
    if place.suffix == ".npz" and place.is_file():
        return NpzSet(place)
    raise ValueError(f"{place}: no such thing; give a folder of images, an .npz, or published samples")


def check_pairs(images: ImageSet, originals: ImageSet) -> None:
    """Raises ValueError unless each image has an original: as many of them, and of folders the same names."""
    if len(images) != len(originals):
        raise ValueError(
            f"{images.name} has {len(images)} images, {originals.name} {len(originals)}: one original each is needed"
        )
    if isinstance(images, FolderSet) and isinstance(originals, FolderSet):
        for own, other in zip(images.stems, originals.stems, strict=True):
            if own != other:
                raise ValueError(f"{images.name}: {own} stands beside {other} of {originals.name}; name them alike")


class FolderSet:
    """All image files below a folder, in the order of their names; a file's class is the folder that it lies in."""

    def __init__(self, root: Path, size: int | None, any_size: bool = False) -> None:
        self.name, self.root, self.size, self.any_size = str(root), root, size, any_size
        self.files = [name for name, _ in files_below(root) if Path(name).suffix.lower() in SUFFIXES]
        if not self.files:
            raise ValueError(f"{root}: holds no images ({', '.join(SUFFIXES)})")

    def __len__(self) -> int:
        return len(self.files)

    @property
    def stems(self) -> list[str]:
        """The names without their suffixes, by which two folders are paired."""
        return [str(Path(name).with_suffix("")) for name in self.files]

    @property
    def labels(self) -> np.ndarray | None:
        folders = [str(Path(name).parent) for name in self.files]
        return np.unique(folders, return_inverse=True)[1] if len(set(folders)) > 1 else None

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        return self._image(self.files[0]).shape

    def _image(self, name: str) -> np.ndarray:
        try:
            image = decode((self.root / name).read_bytes())
        except UnreadableImage as error:
            raise ValueError(f"{self.root / name}: cannot be read ({error}); take it out") from error
        if self.size is not None:
            image = crop(resize_short_side(image, self.size), self.size)
        return np.asarray(image)

    def read(self, start: int, stop: int) -> Block:
        with ThreadPoolExecutor(4) as pool:
            images = list(pool.map(self._image, self.files[start:stop]))
        for name, image in zip(self.files[start:stop], images, strict=True):
            if not self.any_size and image.shape != self._shape:
                sizes = [f"{shape[1]} x {shape[0]}" for shape in (self._shape, image.shape)]
                raise ValueError(
                    f"{self.root}: {self.files[0]} has {sizes[0]} px, {name} {sizes[1]}; crop them to one size with "
                    "--image-size"
                )
        return images


class SampleSet:
    """The samples of one prior, decoded by one decoder, of a result of stage samples."""

    def __init__(self, artifact: Artifact, wanted: tuple[str, ...]) -> None:
        if artifact.stage != "samples":
            raise ValueError(
                f"{artifact.path}: a result of stage {artifact.stage}; give one of samples, or a folder of images"
            )
        self.name = str(Path(artifact.path, *wanted))
        decoders = artifact.facts["decoders"]
        names = [(prior, decoder) for prior in artifact.facts["priors"] for decoder in decoders]
        found = [name for name in names if name[: len(wanted)] == wanted]
        if len(found) != 1:
            raise ValueError(
                f"{self.name}: name one of {', '.join('/'.join(name) for name in names)} behind the folder"
            )
        (prior, decoder), files = found[0], artifact.manifest["files"]
        shards = sorted(name for name in files if name.startswith(f"{prior}/images-"))
        self._rows = [np.load(artifact.verified_file(name), mmap_mode="r", allow_pickle=False) for name in shards]
        self._decoder, self._labels = decoders.index(decoder), artifact.verified_file("labels.npy")

    def __len__(self) -> int:
        return sum(map(len, self._rows))

    @property
    def labels(self) -> np.ndarray | None:
        return np.asarray(np.load(self._labels, allow_pickle=False))

    def read(self, start: int, stop: int) -> Block:
        found, first = [], 0
        for rows in self._rows:
            found.append(rows[max(0, start - first) : max(0, stop - first), self._decoder])
            first += len(rows)
        return list(np.moveaxis(np.concatenate(found), 1, 3))
