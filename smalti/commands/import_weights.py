"""``smalti import``: released weights of other projects to a folder as ``save()`` writes it."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TEXT = "takes over a released tokenizer or prior of another project, into a folder that all commands read"
# The same as smalti.formats.FORMATS, which a test compares: --help needn't import torch.
FORMATS = (
    "taming-vqgan", "taming-gpt", "llamagen-vq", "llamagen-gpt", "fqgan", "far", "vqgan-lc", "vqgan-lc-gpt",
    "open-magvit2", "ibq", "maskgit-vqgan",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="the released file: .ckpt, .pt, .pth, .bin or .safetensors")
    parser.add_argument("--format", required=True, choices=FORMATS, help="whose file it is")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the folder to write")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the YAML or JSON that is released beside it")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="what neither file says, as image_size=256; you are told what is missing",
    )
    parser.add_argument(
        "--tokenizer", type=Path, metavar="FOLDER", help="of a prior: the tokenizer that it was trained on, imported"
    )
    parser.add_argument(
        "--class-names", type=Path, metavar="FILE", help="of a prior: its classes' names, one a line, class 0 first"
    )


def read_config(file: Path) -> Mapping[str, Any]:
    """Returns what a YAML or JSON file says; ValueError if it can't be read, or is no mapping."""
    import yaml

    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"--config {file}: cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(found, dict):
        raise ValueError(f"--config {file}: holds {type(found).__name__}, a mapping is needed")
    return found


def read_numbers(changes: Sequence[str]) -> dict[str, int]:
    """Returns {name: number} for ``name=number`` texts.

    >>> read_numbers(["image_size=256", "num_heads=16"])
    {'image_size': 256, 'num_heads': 16}
    """
    found = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or not text.isdecimal():
            raise ValueError(f"--set {change}: expected NAME=NUMBER")
        found[name] = int(text)
    return found


def run(options: argparse.Namespace) -> None:
    """Imports the network, and writes nothing unless all of it fits."""
    from smalti.formats import FORMATS as KNOWN
    from smalti.formats import import_prior, import_tokenizer
    from smalti.tokenizer import Tokenizer

    settings = read_numbers(options.set)
    config = read_config(options.config) if options.config else None
    prior = KNOWN[options.format].makes == "prior"
    if prior != bool(options.tokenizer):
        raise ValueError(
            f"--format {options.format}: a prior; name its tokenizer by --tokenizer FOLDER"
            if prior
            else f"--tokenizer {options.tokenizer}: {options.format} is a tokenizer itself; leave it out"
        )
    if options.class_names and not prior:
        raise ValueError(f"--class-names {options.class_names}: a tokenizer has no classes; leave it out")
    names = options.class_names.read_text(encoding="utf-8").splitlines() if options.class_names else None
    if prior:
        tokenizer = Tokenizer.load(options.tokenizer)
        import_prior(options.file, options.format, tokenizer, settings, config, names).save(options.out)
    else:
        import_tokenizer(options.file, options.format, settings, config).save(options.out)
    print(f"{options.out}: {KNOWN[options.format].title}")
