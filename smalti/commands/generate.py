"""``smalti generate``: images from a prior."""

import argparse
import contextlib
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smalti.commands.image_sinks import ImageSink, NpzFile, PngFolder
from smalti.commands.options import add_running, progress, usable_device
from smalti.commands.outputs import new_file
from smalti.config.arguments import positive
from smalti.config.parsing import unknown

TEXT = "generates images of classes, as PNG files or an npz; sample i of a seed is the same whatever the batch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prior", type=Path, help="folder of a published or saved prior")
    parser.add_argument(
        "--tokenizer", type=Path, required=True, metavar="FOLDER", help="the tokenizer that decodes: phase 1's or 2's"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="PLACE",
        help="folder of PNG files, or a file .npz as ADM's evaluator reads",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with what the same command left when it was interrupted"
    )
    parser.add_argument(
        "--tokens",
        type=Path,
        metavar="FILE",
        help="the .npz file that their tokens go to, for 'smalti decode'",
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        metavar="CLASS",
        help="names or numbers (default: all); leave it out for a prior without classes",
    )
    parser.add_argument("--number", type=positive, default=8, metavar="N", help="images of each class (default 8)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the samples (default 0)")
    parser.add_argument(
        "--guidance",
        type=float,
        nargs="+",
        metavar="SCALE",
        help="guidance scale, one number or one for each book (default: the recipe's)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another setting of the sampler, as temperature=0.9; 'smalti show' lists them",
    )
    add_running(parser)


def read_settings(changes: Sequence[str]) -> dict[str, Any]:
    """Returns {setting: value} for ``name=value`` texts; a value is JSON, or else text.

    >>> read_settings(["steps=8", "top_p=0.9", "top_k_share=null", "schedule=arccos"])
    {'steps': 8, 'top_p': 0.9, 'top_k_share': None, 'schedule': 'arccos'}
    """
    found: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise ValueError(f"--set {change}: expected NAME=VALUE")
        if name in ("guidance", "seed"):
            raise ValueError(f"--set {change}: use --{name}")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def class_of(text: str, class_names: Sequence[str]) -> str | int:
    """Returns a class of the command line: a name, though it may look like a number, or else a number.

    >>> class_of("10", ["0", "1", "10"]), class_of("2", ["cat", "dog", "fox"]), class_of("owl", ["cat"])
    ('10', 2, 'owl')
    """
    return int(text) if text not in class_names and text.isdecimal() else text


def run(options: argparse.Namespace) -> None:
    """Generates in batches; memory doesn't grow with the number of images, but for their tokens where they are kept."""
    import numpy as np
    import torch

    from smalti.prior import Prior
    from smalti.token_type import token_type
    from smalti.tokenizer import Tokenizer

    if options.tokens is not None and options.tokens.suffix != ".npz":
        raise ValueError(f"--tokens {options.tokens}: the name of a file that ends in .npz is needed")
    if options.tokens is not None and options.resume:
        raise ValueError(f"--tokens {options.tokens}: tokens are written at the end, all at once; leave out --resume")
    settings = read_settings(options.set)
    tokenizer = Tokenizer.load(options.tokenizer, usable_device(options.device))
    prior = Prior.load(options.prior, tokenizer)
    known = [field.name for field in dataclasses.fields(prior.settings) if field.name != "guidance"]
    for name in settings:
        if name not in known:
            raise ValueError(f"--set: {unknown('setting', name, known)}")
    prior.check_settings(options.guidance, settings)  # before anything is written
    labels, names = torch.zeros(options.number, dtype=torch.int64), prior.class_names
    chosen = options.classes or list(names)
    if chosen:
        labels = prior.labels([class_of(text, names) for text in chosen]).repeat(options.number)
    titles = [names[label].replace("/", "_") if names else "sample" for label in labels.tolist()]
    file_names = [f"{i:06d}-{title}.png" for i, title in enumerate(titles)]
    order = {
        "prior": prior.saved.origin.digest, "tokenizer": tokenizer.saved.origin.digest, "number": len(labels),
        "classes": [str(name) for name in chosen], "seed": options.seed, "guidance": options.guidance,
        "settings": settings,
    }  # fmt: skip
    sink: ImageSink
    if options.out.suffix == ".npz":
        sink = NpzFile(options.out, (tokenizer.image_size, tokenizer.image_size, 3), labels, order, options.resume)
    else:
        sink = PngFolder(options.out, file_names, order, options.resume)
    begun = sink.done
    kind, rows = token_type(tokenizer.num_codes), []
    left = labels[begun:]
    with new_file(options.tokens) if options.tokens else contextlib.nullcontext() as stream:
        for part in progress(left.split(options.batch_size), len(left), options.batch_size, "image"):
            tokens = prior.tokens(part, seed=options.seed, first=sink.done, guidance=options.guidance, **settings)
            for image in tokenizer.decode(tokens):
                sink.write(image)
            if stream:
                rows.append(tokens.cpu().numpy().astype(kind))
        if stream:
            np.savez(stream, tokens=np.concatenate(rows), names=np.array(file_names))
    sink.finish()
    there = f", {begun} of them there before" if begun else ""
    print(
        f"{options.out}: {len(labels)} images{there}" + (f"; {options.tokens}: their tokens" if options.tokens else "")
    )
