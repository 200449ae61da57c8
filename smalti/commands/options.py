"""Options that several commands have, and the progress bar."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def positive(text: str) -> int:
    """Returns a whole number of at least 1; argparse names the option where it isn't."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} given, expected a whole number of at least 1")
    return int(text)


def add_running(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say where and how a network runs."""
    parser.add_argument("--batch-size", type=positive, default=64, metavar="N", help="images at a time (default 64)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1, mps")


def progress(parts: Iterable[T], total: int, size: int, unit: str) -> Iterator[T]:
    """Yields ``parts`` of up to ``size`` things each, ``total`` in all; shows a bar on a terminal, else nothing."""
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, disable=not sys.stderr.isatty()) as bar:
        for part in parts:
            yield part
            bar.update(min(size, total - bar.n))
