"""``smalti decode``: tokens to images."""

import argparse
import zipfile
from pathlib import Path
from typing import Any

from smalti.commands.options import add_running, progress, usable_device
from smalti.commands.outputs import png_files

TEXT = "writes the images of tokens that 'smalti encode' wrote, as PNG files with the names of the originals"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tokenizer", type=Path, help="folder of a published or saved tokenizer")
    parser.add_argument("tokens", type=Path, help=".npz of tokens (M, h, w), of k books (M, k, h, w), and names (M,)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the PNG files go")
    add_running(parser)


def read_tokens(file: Path) -> tuple[Any, list[str]]:
    """Returns the arrays ``tokens`` and ``names`` of a file; without names the rows are numbered.

    Raises:
        ValueError: no such file, or arrays that ``encode`` doesn't write.
    """
    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as arrays:
            tokens = arrays["tokens"]
            names = arrays["names"].tolist() if "names" in arrays else [f"{row:06d}" for row in range(len(tokens))]
    except (OSError, EOFError, KeyError, ValueError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{file}: no tokens can be read ({reason}); give a file that 'smalti encode' wrote") from error
    if tokens.dtype.kind not in "ui" or tokens.ndim not in (3, 4):
        raise ValueError(
            f"{file}: tokens are {tokens.dtype} of shape {tokens.shape}; integers (M, h, w) or (M, k, h, w) are needed"
        )
    if not isinstance(names, list) or len(names) != len(tokens) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f"{file}: names of another kind or number; {len(tokens)} texts are needed, one a row of tokens"
        )
    return tokens.astype(np.int64), names


def run(options: argparse.Namespace) -> None:
    """Decodes the tokens in batches."""
    import torch

    from smalti.images import write_png
    from smalti.tokenizer import Tokenizer, check_tokens

    array, names = read_tokens(options.tokens)
    files, tokens = png_files(options.out, names), torch.from_numpy(array)
    tokenizer = Tokenizer.load(options.tokenizer, usable_device(options.device))
    check_tokens(tokens, tokenizer.num_books, tokenizer.num_codes)
    remaining = iter(files)
    for part in progress(tokens.split(options.batch_size), len(files), options.batch_size, "image"):
        for image in tokenizer.decode(part):
            write_png(image, next(remaining))
    print(f"{options.out}: {len(files)} images")
