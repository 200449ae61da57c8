"""A folder of ``config.json``, ``model.safetensors`` and a card: how a network is kept outside a folder of runs."""

import dataclasses
import json
from pathlib import Path
from typing import TypeVar

from torch import nn

from smalti.artifact import sha256_of
from smalti.config.parsing import plain
from smalti.config.saved import SavedPrior, SavedTokenizer, parse_saved
from smalti.tensors import write_tensors

CONFIG, MODEL, CARD = "config.json", "model.safetensors", "README.md"
TOKENIZER = "tokenizer"  # the folder of a tokenizer beside those of its priors
Saved = TypeVar("Saved", SavedTokenizer, SavedPrior)


def save(saved: Saved, network: nn.Module, folder: Path, card: str) -> None:
    """Writes the three files into ``folder``, which may exist but holds none; on failure none is left behind.

    Raises:
        ValueError: the folder holds a saved network already, or can't be written.
    """
    model, config, text = files = [folder / name for name in (MODEL, CONFIG, CARD)]
    for file in (config, model, text):
        if file.exists():
            raise ValueError(f"{file} exists; delete it, or name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_tensors(network.state_dict(), model)
        said = plain(dataclasses.replace(saved, sha256=sha256_of(model)))
        text.write_text(card, encoding="utf-8")
        config.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        if folder.is_dir():
            for file in files:
                file.unlink(missing_ok=True)
        if isinstance(error, ValueError):
            raise
        raise ValueError(f"{folder}: cannot be written ({error.strerror}); name another folder") from error


def read_saved(folder: Path) -> SavedTokenizer | SavedPrior:
    """Returns what a folder's config.json says.

    Raises:
        ValueError: it can't be read, has another format, or says what can't be.
    """
    file = folder / CONFIG
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{file}: cannot be read ({error}); give a folder that save() wrote") from error
    return parse_saved(data, str(file))


def saved_weights(folder: Path, saved: SavedTokenizer | SavedPrior) -> Path:
    """Returns the folder's model.safetensors; ValueError if it isn't the one that was saved."""
    file = folder / MODEL
    if not file.is_file():
        raise ValueError(f"{file}: no such file; it belongs beside {CONFIG}: copy the whole folder again")
    if sha256_of(file) != saved.sha256:
        raise ValueError(f"{file}: damaged (its sha256 isn't the one in {CONFIG}); copy the whole folder again")
    return file
