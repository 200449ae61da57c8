"""``make weights``: fetches the pretrained weights that a recipe names, on a machine with a network.

It writes them into the weights folder, and the sha256, source and licence of each into ``weights.json`` there. Files
that are there already are kept. With ``offline: true`` in pipeline.yaml nothing is fetched; missing files are named.
"""

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

from pipeline.commands import exit_code
from pipeline.graph import Recipe
from smalti.config.weights import PACKAGE, weights_folder
from smalti.fetching import Source, fetch_missing


def named_weights(config: Any) -> dict[str, Source]:
    """Returns {weights file: the config that names it}, of all networks in a config whose weights aren't part of an
    installed package."""
    named: dict[str, Source] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.metadata.get("weights") and not value.startswith(PACKAGE):
            named[value] = config
        for part in value if isinstance(value, tuple) else (value,):
            if dataclasses.is_dataclass(part):
                named |= named_weights(part)
    return named


def fetch_all(options: argparse.Namespace) -> int:
    """Fetches the weights that the recipe names and the weights folder lacks; returns exit code 0."""
    recipe, folder = Recipe(options.recipe), weights_folder()
    wanted: dict[str, Source] = {}
    for node in recipe.own.values():
        wanted |= named_weights(node.config)
    missing = [str(folder / name) for name in wanted if not (folder / name).is_file()]
    if recipe.offline and missing:
        raise ValueError(f"{recipe.file} says offline: true; bring {', '.join(missing)} here by hand")
    for path, said in fetch_missing(wanted):
        print(f"{path}: {said}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make weights", description="fetches the pretrained weights of a recipe")
    parser.add_argument("recipe", type=Path, help="folder of the recipe")
    return exit_code(fetch_all, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
