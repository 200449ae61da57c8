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

import open_clip
import timm
from safetensors.torch import save_file
from torch import Tensor
from torch.hub import load_state_dict_from_url
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
from torchvision.models import VGG16_Weights

from pipeline.commands import exit_code
from pipeline.graph import Recipe
from smalti.artifact import sha256_of
from smalti.config.features import FeatureNetworkConfig, InceptionConfig, OpenClipConfig, TimmConfig, Vgg16Config
from smalti.config.losses import LpipsConfig
from smalti.config.weights import PACKAGE, weights_folder

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
    if isinstance(source, OpenClipConfig):
        model = open_clip.create_model(source.model, pretrained="openai")
        return model.state_dict(), f"open_clip {source.model} openai", "MIT"
    if isinstance(source, TimmConfig):
        network = timm.create_model(source.model, pretrained=True, num_classes=0, img_size=source.input_size)
        return network.state_dict(), f"timm {source.model}", network.pretrained_cfg.get("license", "see the model card")
    if isinstance(source, Vgg16Config | LpipsConfig):
        state = VGG16_Weights.IMAGENET1K_V1.get_state_dict(progress=True, check_hash=True, weights_only=True)
        return dict(state), "torchvision vgg16 IMAGENET1K_V1", "BSD-3-Clause"
    if isinstance(source, InceptionConfig):
        state = load_state_dict_from_url(URL_INCEPTION_V3, check_hash=True, weights_only=True, map_location="cpu")
        return dict(state), "torch-fidelity's conversion of inception-2015-12-05", "Apache-2.0"
    raise ValueError(f"weights {source.weights}: don't know where to fetch {source.kind} from; give it as a package")


def fetch_all(options: argparse.Namespace) -> int:
    """Fetches what the recipe names and the weights folder lacks; returns the exit code."""
    recipe, folder = Recipe(options.recipe), weights_folder()
    wanted: dict[str, Source] = {}
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
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make weights", description="fetches the pretrained weights of a recipe")
    parser.add_argument("recipe", type=Path, help="folder of the recipe")
    return exit_code(fetch_all, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
