"""``smalti encode``: images to tokens."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from smalti.commands.options import add_running, progress, usable_device
from smalti.commands.outputs import new_file

TEXT = "writes the tokens of image files as one .npz: tokens (M, h, w), of k books (M, k, h, w), and names (M,)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tokenizer", type=Path, help="folder of a published or saved tokenizer")
    parser.add_argument("images", type=Path, nargs="+", help="image files, and folders whose images are all taken")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .npz file to write; a new one")
    add_running(parser)


def image_files(places: Sequence[Path]) -> dict[str, Path]:
    """Returns {name: file} of files, and of all images below folders, sorted; names are relative to their folder.

    Raises:
        ValueError: a place that isn't there, a folder without images, or two files of one name.
    """
    from smalti.images import SUFFIXES

    named: dict[str, Path] = {}
    for place in places:
        files = [place]
        if place.is_dir():
            files = sorted(file for file in place.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
            if not files:
                raise ValueError(f"{place}: holds no images ({', '.join(SUFFIXES)})")
        elif not place.is_file():
            raise ValueError(f"{place}: no such file or folder")
        for file in files:
            name = str(file.relative_to(place)) if place.is_dir() else file.name
            if name in named:
                raise ValueError(f"{named[name]} and {file} are both called {name}; give a folder that holds both")
            named[name] = file
    return named


def run(options: argparse.Namespace) -> None:
    """Encodes the images in batches, each image scaled and cropped to the tokenizer's size."""
    import numpy as np

    from smalti.token_type import token_type
    from smalti.tokenizer import Tokenizer

    if options.out.suffix != ".npz":
        raise ValueError(f"--out {options.out}: the name of a file that ends in .npz is needed")
    named, size = image_files(options.images), options.batch_size
    tokenizer = Tokenizer.load(options.tokenizer, usable_device(options.device))
    kind = token_type(tokenizer.num_codes)
    files = list(named.values())
    batches = [files[start : start + size] for start in range(0, len(files), size)]
    with new_file(options.out) as stream:
        rows = [
            tokenizer.encode(tokenizer.read(*batch)).cpu().numpy().astype(kind)
            for batch in progress(batches, len(files), size, "image")
        ]
        np.savez(stream, tokens=np.concatenate(rows), names=np.array(list(named)))
    print(f"{options.out}: tokens of {len(files)} images")
