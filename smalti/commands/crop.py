"""``smalti crop``: large pictures to many small ones, to train on."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from smalti.commands.inputs import image_files
from smalti.commands.options import progress
from smalti.commands.outputs import png_files
from smalti.config.arguments import positive

if TYPE_CHECKING:
    from PIL import Image

TEXT = "cuts squares out of large pictures at random places and scales, as PNG files in a folder for each picture"


def share(text: str) -> float:
    """Returns a number above 0, at most 1; argparse names the option if it isn't one."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} given, expected a number above 0, at most 1")
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pictures", type=Path, nargs="+", help="image files, and folders whose images are all taken")
    parser.add_argument("--size", type=positive, required=True, metavar="N", help="side of the squares in pixels")
    parser.add_argument("--number", type=positive, default=100, metavar="N", help="squares a picture (default 100)")
    parser.add_argument(
        "--scale",
        type=share,
        default=0.25,
        metavar="SHARE",
        help="the least side of what is cut out, as a share of the picture's shorter side (default 0.25); the largest "
        "is all of it, and sides are drawn evenly on a logarithmic scale; nothing is enlarged",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of places and scales (default 0)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the PNG files go")


def read_picture(file: Path, size: int) -> "Image.Image":
    """Returns the picture in ``file``; ValueError if it can't be read, or is smaller than ``size``."""
    from smalti.images import UnreadableImage, decode

    try:
        image = decode(file.read_bytes())
    except UnreadableImage as error:
        raise ValueError(f"{file}: no readable image ({error}); take it out") from error
    if min(image.size) < size:
        raise ValueError(f"{file}: {image.width} x {image.height} px, less than --size {size}; take it out")
    return image


def run(options: argparse.Namespace) -> None:
    """Cuts one picture after another, once all were found good.

    A square is a function of the seed, the picture's name and its own number.
    """
    import numpy as np

    from smalti.images import resize_short_side
    from smalti.seeds import mix

    named, size = image_files(options.pictures), options.size
    names = [f"{Path(name).with_suffix('')}/{i:04d}" for name in named for i in range(options.number)]
    files = iter(png_files(options.out, names))
    for file in named.values():
        read_picture(file, size)
    for name, picture in progress(named.items(), len(named), 1, "picture"):
        image = read_picture(picture, size)
        shorter = min(image.size)
        least = max(size, math.ceil(options.scale * shorter))
        for i in range(options.number):
            random = np.random.Generator(np.random.PCG64(mix(options.seed, "crop", name, i)))
            side = int(least * ((shorter + 1) / least) ** random.random())
            left, top = (int(random.integers(0, length - side + 1)) for length in image.size)
            square = resize_short_side(image.crop((left, top, left + side, top + side)), size)
            file = next(files)
            file.parent.mkdir(parents=True, exist_ok=True)
            square.save(file)
    print(f"{options.out}: {len(names)} images of {len(named)} picture{'s' * (len(named) != 1)}")
