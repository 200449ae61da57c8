"""``smalti generate``: images from a prior."""

import argparse
from pathlib import Path
from typing import Any

from smalti.commands.options import add_running, positive, progress

TEXT = "generates images of classes, as PNG files; sample i of a seed is the same whatever the batch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prior", type=Path, help="folder of a published or saved prior")
    parser.add_argument(
        "--tokenizer", type=Path, required=True, metavar="FOLDER", help="the tokenizer, or phase 2's, that decodes"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the PNG files go")
    parser.add_argument(
        "--classes", nargs="+", metavar="CLASS", help="names or numbers (default: all); of a prior without classes none"
    )
    parser.add_argument("--number", type=positive, default=8, metavar="N", help="images, of each class (default 8)")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument(
        "--guidance", type=float, nargs="+", metavar="SCALE", help="one number, or one a book (default: the recipe's)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the sampler, as temperature=0.9"
    )
    add_running(parser)


def read_settings(changes: list[str]) -> dict[str, Any]:
    """Returns {setting: value} of ``name=value`` texts: numbers where they are such, else text.

    >>> read_settings(["steps=8", "top_p=0.9", "schedule=arccos"])
    {'steps': 8, 'top_p': 0.9, 'schedule': 'arccos'}
    """
    found: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise ValueError(f"--set {change}: expected name=value")
        value: Any = text
        for kind in (int, float):
            try:
                value = kind(text)
                break
            except ValueError:
                continue
        found[name] = value
    return found


def run(options: argparse.Namespace) -> None:
    """Generates in batches; memory doesn't grow with the number of images."""
    import torch

    from smalti.images import write_png
    from smalti.prior import Prior
    from smalti.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(options.tokenizer, options.device)
    prior = Prior.load(options.prior, tokenizer)
    settings = read_settings(options.set)
    names = options.classes or list(prior.class_names)
    labels = torch.zeros(options.number, dtype=torch.int64)
    if names:
        labels = prior.labels([int(name) if name.isdecimal() else name for name in names]).repeat(options.number)
    written = 0
    for part in progress(labels.split(options.batch_size), len(labels), options.batch_size, "image"):
        tokens = prior.tokens(part, seed=options.seed, first=written, guidance=options.guidance, **settings)
        for image, label in zip(tokenizer.decode(tokens), part.tolist(), strict=True):
            name = prior.class_names[label] if prior.class_names else "sample"
            write_png(image, options.out / f"{written:06d}-{name.replace('/', '_')}.png")
            written += 1
    print(f"{options.out}: {written} images")
