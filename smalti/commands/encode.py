"""``smalti encode``: images to tokens."""

import argparse
from pathlib import Path

from smalti.commands.inputs import image_files
from smalti.commands.options import add_running, progress, usable_device
from smalti.commands.outputs import new_file

TEXT = "writes the tokens of image files as one .npz: tokens (M, h, w), of k books (M, k, h, w), and names (M,)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tokenizer", type=Path, help="folder of a published or saved tokenizer")
    parser.add_argument("images", type=Path, nargs="+", help="image files, and folders whose images are all taken")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .npz file to write; a new one")
    add_running(parser)


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
