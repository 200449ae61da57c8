"""Pretrained weights from where others keep them, put into the weights folder; needs a network."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from smalti.artifact import sha256_of
from smalti.classifiers.mae import fetch_mae
from smalti.config.classifier import MaeConfig
from smalti.config.features import FeatureNetworkConfig
from smalti.config.losses import LpipsConfig
from smalti.config.weights import weights_folder
from smalti.features import feature_class
from smalti.losses.lpips import fetch_backbone

Source = FeatureNetworkConfig | LpipsConfig | MaeConfig


def fetch(source: Source) -> tuple[dict[str, Tensor], str, str]:
    """Returns the tensors of a network, where they come from, and their licence."""
    if isinstance(source, MaeConfig):
        return fetch_mae(source)
    return fetch_backbone(source) if isinstance(source, LpipsConfig) else feature_class(source).fetch(source)


def fetch_missing(wanted: Mapping[str, Source]) -> Iterator[tuple[Path, str]]:
    """Yields each of the ``wanted`` weights files of the weights folder with its sha256, or "there already" of one that
    nobody fetched; fetches those that aren't there.

    sha256, source and licence of each go into ``weights.json`` beside them.
    """
    folder = weights_folder()
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
        yield path, ledger.get(name, {}).get("sha256", "there already")
