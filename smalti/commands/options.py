"""Options that several commands have, and the progress bar."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from smalti.config.arguments import positive

T = TypeVar("T")


def add_running(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say where and how a network runs."""
    parser.add_argument("--batch-size", type=positive, default=64, metavar="N", help="images at a time (default 64)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1, mps")


def usable_device(name: str) -> str:
    """Returns ``name``, a device of PyTorch; ValueError if this machine or this PyTorch has no such device."""
    import torch

    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise ValueError(f"--device {name}: cannot be used ({reason})") from error
    return name


def progress(parts: Iterable[T], total: int, size: int, unit: str) -> Iterator[T]:
    """Yields ``parts`` of up to ``size`` things each, ``total`` in all, with a bar on a terminal and none elsewhere."""
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, disable=not sys.stderr.isatty()) as bar:
        for part in parts:
            yield part
            bar.update(min(size, total - bar.n))
