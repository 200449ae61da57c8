"""A folder of ``config.json`` and ``model.safetensors``: how a tokenizer or a prior is kept outside the store."""

import dataclasses
import json
from pathlib import Path
from typing import TypeVar

from torch import nn

from smalti.artifact import sha256_of
from smalti.config.parsing import ConfigError, parse_value, plain
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.config.saved import SavedPrior, SavedTokenizer
from smalti.tensors import write_tensors

CONFIG, MODEL = "config.json", "model.safetensors"
Saved = TypeVar("Saved", SavedTokenizer, SavedPrior)


def save(saved: Saved, network: nn.Module, folder: Path) -> Saved:
    """Writes both files into ``folder``, which may exist but holds neither; returns ``saved`` with the weights' sha256.

    Raises:
        ValueError: the folder holds a saved network already, or can't be written.
    """
    for name in (CONFIG, MODEL):
        if (folder / name).exists():
            raise ValueError(f"{folder / name} exists; delete it, or name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{folder}: cannot be made ({error.strerror}); name another folder") from error
    write_tensors(network, folder / MODEL)
    saved = dataclasses.replace(saved, sha256=sha256_of(folder / MODEL))
    (folder / CONFIG).write_text(json.dumps(plain(saved), indent=1) + "\n")
    return saved


def read_saved(folder: Path) -> SavedTokenizer | SavedPrior:
    """Returns what a folder's config.json says.

    Raises:
        ValueError: no saved network, another format, or a file that somebody changed to what can't be.
    """
    file = folder / CONFIG
    try:
        data = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{file}: cannot be read ({error}); give a folder that save() wrote") from error
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind == "tokenizer":
        return parse_value(SavedTokenizer, data, str(file))
    if kind != "prior":
        raise ValueError(f"{file}: kind {kind!r}; a saved network's is 'tokenizer' or 'prior'")
    if data.get("prior") not in PRIOR_KINDS:
        raise ConfigError(f"{file}: prior {data.get('prior')!r}; known: {', '.join(PRIOR_KINDS)}")
    schema = PRIOR_KINDS[data["prior"]]
    saved = parse_value(SavedPrior, data, str(file))
    return dataclasses.replace(
        saved,
        network=parse_value(schema.network_config, saved.network, f"{file}: network"),
        settings=parse_value(schema.sampling_config, saved.settings, f"{file}: settings"),
    )


def saved_weights(folder: Path, saved: SavedTokenizer | SavedPrior) -> Path:
    """Returns the folder's model.safetensors; ValueError if it isn't the one that was saved."""
    file = folder / MODEL
    if not file.is_file():
        raise ValueError(f"{file}: no such file; it lies beside {CONFIG}")
    if sha256_of(file) != saved.sha256:
        raise ValueError(f"{file}: damaged (sha256 differs from {CONFIG}'s); copy the folder again")
    return file
