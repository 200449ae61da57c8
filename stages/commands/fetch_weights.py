"""``make weights``: fetches the pretrained weights that a recipe names, where there is a network.

Writes them into the weights folder, with sha256, source and licence of each in ``weights.json``. Files that are there
already are kept. With ``offline: true`` in pipeline.yaml nothing is fetched; what isn't there is named.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from pipeline.graph import Recipe
from smalti.artifact import sha256_of
from smalti.config.features import FeatureNetworkConfig
from smalti.config.losses import LpipsConfig
from smalti.config.weights import PACKAGE, weights_folder
from smalti.features import feature_class
from smalti.features.vgg import Vgg16

Source = FeatureNetworkConfig | LpipsConfig


def named_weights(config: Any) -> dict[str, Source]:
    """Returns {weights file: the config that names it} of all networks in a config that don't come with a package."""
    found: dict[str, Source] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.metadata.get("weights") and not value.startswith(PACKAGE):
            found[value] = config
        for part in value if isinstance(value, tuple) else (value,):
            if dataclasses.is_dataclass(part):
                found |= named_weights(part)
    return found


def fetch(source: Source) -> tuple[dict[str, Tensor], str, str]:
    """Returns the tensors of a network, where they come from, and their licence."""
    network = Vgg16 if isinstance(source, LpipsConfig) else feature_class(source)
    return network.fetch(source)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make weights")
    parser.add_argument("recipe", type=Path)
    folder = weights_folder()
    wanted: dict[str, Source] = {}
    try:
        recipe = Recipe(parser.parse_args().recipe)
        for node in recipe.nodes.values():
            wanted |= named_weights(node.config)
        absent = [str(folder / name) for name in wanted if not (folder / name).is_file()]
        if recipe.offline and absent:
            raise ValueError(f"{recipe.file} says offline: true; bring {', '.join(absent)} here by hand")
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
    except (ValueError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
