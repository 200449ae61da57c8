"""``make weights``: fetches the pretrained weights that a recipe names, on a machine with a network.

It writes them into the weights folder, and the sha256, source and licence of each into ``weights.json`` there. Files
that are there already are kept. With ``offline: true`` in pipeline.yaml nothing is fetched; missing files are named.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from pipeline.commands import exit_code
from pipeline.graph import Recipe
from smalti.artifact import sha256_of
from smalti.classifiers.mae import fetch_mae
from smalti.config.classifier import MaeConfig
from smalti.config.features import FeatureNetworkConfig
from smalti.config.losses import LpipsConfig
from smalti.config.weights import PACKAGE, weights_folder
from smalti.features import feature_class
from smalti.losses.lpips import fetch_backbone

Source = FeatureNetworkConfig | LpipsConfig | MaeConfig


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


def fetch(source: Source) -> tuple[dict[str, Tensor], str, str]:
    """Returns the tensors of a network, where they come from, and their licence."""
    if isinstance(source, MaeConfig):
        return fetch_mae(source)
    return fetch_backbone(source) if isinstance(source, LpipsConfig) else feature_class(source).fetch(source)


def fetch_all(options: argparse.Namespace) -> int:
    """Fetches the weights that the recipe names and the weights folder lacks; returns exit code 0."""
    recipe, folder = Recipe(options.recipe), weights_folder()
    wanted: dict[str, Source] = {}
    for node in recipe.nodes.values():
        wanted |= named_weights(node.config)
    missing = [str(folder / name) for name in wanted if not (folder / name).is_file()]
    if recipe.offline and missing:
        raise ValueError(f"{recipe.file} says offline: true; bring {', '.join(missing)} here by hand")
    folder.mkdir(parents=True, exist_ok=True)
    ledger_file = folder / "weights.json"
    ledger = json.loads(ledger_file.read_text()) if ledger_file.is_file() else {}
    for name, source in wanted.items():
        path = folder / name
        if not path.is_file():
            state, origin, licence = fetch(source)
            temporary = path.with_suffix(".tmp")
            save_file({key: value.contiguous() for key, value in state.items()}, temporary)
            temporary.rename(path)
            ledger[name] = {"sha256": sha256_of(path), "source": origin, "licence": licence}
            ledger_file.write_text(json.dumps(ledger, indent=1))
        print(f"{path}: {ledger.get(name, {}).get('sha256', 'there already')}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make weights", description="fetches the pretrained weights of a recipe")
    parser.add_argument("recipe", type=Path, help="folder of the recipe")
    return exit_code(fetch_all, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
