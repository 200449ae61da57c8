"""``smalti encode``: images to tokens."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from smalti.commands.options import add_running, progress

TEXT = "writes the tokens of image files as one .npz: tokens (M, h, w), of k books (M, k, h, w), and names (M,)"
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tokenizer", type=Path, help="folder of a published or saved tokenizer")
    parser.add_argument("images", type=Path, nargs="+", help="image files, and folders, of which all images are taken")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .npz to write")
    add_running(parser)


def image_files(places: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yields (name, file) of files, and of all images below folders, sorted; names are relative to their folder.

    Raises:
        ValueError: a place that isn't there, or a folder without images.
    """
    for place in places:
        if not place.is_dir():
            if not place.is_file():
                raise ValueError(f"{place}: no such file or folder")
            yield place.name, place
            continue
        found = sorted(file for file in place.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        if not found:
            raise ValueError(f"{place}: holds no images ({', '.join(SUFFIXES)})")
        yield from ((str(file.relative_to(place)), file) for file in found)


def run(options: argparse.Namespace) -> None:
    """Encodes the images in batches, each scaled and cropped to the tokenizer's size."""
    import numpy as np

    from smalti.tokenizer import Tokenizer

    if options.out.suffix != ".npz":
        raise ValueError(f"--out {options.out}: the name of a file that ends in .npz is needed")
    tokenizer = Tokenizer.load(options.tokenizer, options.device)
    named = list(image_files(options.images))
    size = options.batch_size
    batches = [named[start : start + size] for start in range(0, len(named), size)]
    rows = [
        tokenizer.encode(tokenizer.read(*(file for _, file in batch))).cpu().numpy()
        for batch in progress(batches, len(named), size, "image")
    ]
    kind = np.uint16 if tokenizer.num_codes <= 2**16 else np.uint32
    np.savez(options.out, tokens=np.concatenate(rows).astype(kind), names=np.array([name for name, _ in named]))
    print(f"{options.out}: tokens of {len(named)} images")
