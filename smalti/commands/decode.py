"""``smalti decode``: tokens to images."""

import argparse
import zipfile
from pathlib import Path
from typing import Any

from smalti.commands.options import add_running, progress

TEXT = "writes the images of tokens that 'smalti encode' wrote, as PNG files with the names of the originals"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tokenizer", type=Path, help="folder of a published or saved tokenizer")
    parser.add_argument("tokens", type=Path, help=".npz with tokens (M, h, w), of k books (M, k, h, w), and names (M,)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the PNG files go")
    add_running(parser)


def read_tokens(file: Path) -> tuple[Any, list[str]]:
    """Returns the arrays ``tokens`` and ``names`` of a file; without names the rows are numbered.

    Raises:
        ValueError: no such file, or arrays that ``encode`` doesn't write; a name that leads out of the folder.
    """
    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as arrays:
            tokens = arrays["tokens"].astype(np.int64)
            names = arrays["names"].tolist() if "names" in arrays else [f"{row:06d}" for row in range(len(tokens))]
    except (OSError, EOFError, KeyError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{file}: no tokens can be read ({reason}); give a file that 'smalti encode' wrote") from error
    if len(names) != len(tokens) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{file}: {len(tokens)} rows of tokens and {len(names)} names; one name a row is needed")
    for name in names:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise ValueError(f"{file}: name {name!r} leads out of the folder; rename it")
    return tokens, names


def run(options: argparse.Namespace) -> None:
    """Decodes the tokens in batches."""
    import torch

    from smalti.images import write_png
    from smalti.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(options.tokenizer, options.device)
    tokens, names = read_tokens(options.tokens)
    parts = torch.from_numpy(tokens).split(options.batch_size)
    written = 0
    for part in progress(parts, len(names), options.batch_size, "image"):
        for image in tokenizer.decode(part):
            write_png(image, (options.out / names[written]).with_suffix(".png"))
            written += 1
    print(f"{options.out}: {written} images")
