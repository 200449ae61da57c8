"""Photographs from files to training images, on one core: Pillow with ADM's resize, the turbo decoder, torchvision.

    python -m benchmarks.images

JPEGs of scikit-image's photographs, of ImageNet's average size (500 x 375 px) and of a camera's (2,560 x 1,920), to 256
px, random crops, mirrored half of the times; the files are in the page cache. "torchvision, Pillow" is the usual way:
Pillow's decoder, torchvision's Resize, RandomCrop and RandomHorizontalFlip. How far turbo's pixels are from Pillow's
stands below.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage import data
from torchvision.transforms import v2

from benchmarks.cost import measure, table
from configs.schema.training import LoadingConfig
from datamodules.decoders import by_pillow, turbo
from datamodules.images import TrainingImages
from datamodules.index import ImageIndex, IndexFacts, write_index

SIZE, COPIES = 256, 4


def write(folder: Path, width: int, height: int) -> ImageIndex:
    """Writes the photographs at this size, and their index."""
    photographs = [data.astronaut(), data.cat(), data.coffee(), data.rocket()]
    root, names = folder / "images", []
    root.mkdir(parents=True)
    for number, pixels in enumerate(photographs * COPIES):
        names.append(f"{number:03d}.jpg")
        picture = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
        picture.save(root / names[-1], quality=92)
    records = np.array([(number, 0, (root / name).stat().st_size) for number, name in enumerate(names)])
    facts = IndexFacts("files", SIZE, [], len(names), 0, "")
    write_index(folder / "index", names, records, np.full(len(names), -1), np.zeros(len(names), np.uint8), facts)
    return ImageIndex(folder / "index", root)


def torchvisions(index: ImageIndex) -> Callable[[], None]:
    crop = v2.Compose([v2.Resize(SIZE), v2.RandomCrop(SIZE), v2.RandomHorizontalFlip(), v2.PILToTensor()])

    def read() -> None:
        for name in index.files:
            with Image.open(index.root / name) as image:
                crop(image.convert("RGB"))

    return read


def ours(index: ImageIndex, decoder: str) -> Callable[[], None]:
    images = TrainingImages(index, LoadingConfig(crop="random", decoder=decoder), seed=0)  # type: ignore[arg-type]

    def read() -> None:
        for position in range(len(index.files)):
            images[position]

    return read


if __name__ == "__main__":
    torch.set_num_threads(1)
    for width, height in ((500, 375), (2560, 1920)):
        with tempfile.TemporaryDirectory() as folder:
            index = write(Path(folder), width, height)
            costs = {
                "turbo": measure(ours(index, "turbo")), "pillow (the default)": measure(ours(index, "pillow")),
                "torchvision, Pillow": measure(torchvisions(index)),
            }  # fmt: skip
            table(f"{len(index.files)} JPEGs of {width} x {height} px to {SIZE} px", costs, "turbo")
            pairs = [(turbo(index.read(i), SIZE, False), by_pillow(index.read(i), SIZE, False)) for i in range(4)]
            apart = torch.stack([(fast.int() - slow.int()).abs() for fast, slow in pairs]).float()
            print(f"turbo is {apart.mean():.3f} of 255 levels from pillow on average, {apart.max():.0f} at most\n")
