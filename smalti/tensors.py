"""Weights files: plain tensors only; nothing is ever unpickled into an object."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from smalti.config.weights import locate_weights


def read_weights(weights: str, inside: str = "") -> dict[str, Tensor]:
    """Returns the tensors of a safetensors file or of a torch file, read with ``weights_only``.

    Args:
        inside: the key under which a torch file may keep its tensors.

    Raises:
        ValueError: the file holds anything but tensors, or is damaged.
    """
    path = locate_weights(weights)
    if path.suffix == ".safetensors":
        return read_tensors(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"weights {path}: cannot be read as plain tensors ({type(error).__name__})") from error
    if inside and isinstance(state, dict) and isinstance(state.get(inside), dict):
        state = state[inside]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"weights {path}: expected a mapping of names to tensors, found {type(state).__name__}")
    return state


def read_tensors(path: Path, leave_out: str | None = None) -> dict[str, Tensor]:
    """Returns the tensors of a safetensors file, without those whose names begin with ``leave_out``.

    Raises:
        ValueError: it is damaged, or of another format.
    """
    try:
        if leave_out is None:
            return load_file(path)
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys() if not name.startswith(leave_out)}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: not a readable safetensors file ({' '.join(str(error).split())})") from error


def check_tensors(network: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Raises ValueError, naming a tensor, unless ``state`` of file ``name`` has the names and shapes of ``network``."""
    own = network.state_dict()
    missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or extra:
        raise ValueError(
            f"{name}: {len(missing)} tensors missing {missing[:3]}, {len(extra)} unexpected {extra[:3]}; "
            "these are the weights of another network"
        )
    for key, value in state.items():
        if own[key].shape != value.shape:
            raise ValueError(f"{name}: {key} has shape {tuple(value.shape)}, expected {tuple(own[key].shape)}")


def load_strictly(network: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Loads ``state`` into ``network``; every name and shape must match.

    Raises:
        ValueError: a missing, unexpected or wrongly shaped tensor, named.
    """
    check_tensors(network, state, name)
    network.load_state_dict(state)


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Writes tensors by name, a network's ``state_dict``, as safetensors.

    Raises:
        ValueError: a tensor has numbers that aren't finite, or the disk is full, say.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Clones, because safetensors refuses tensors that share memory (the one book of a residual quantiser).
    state = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    for name, value in state.items():
        if not value.isfinite().all():
            wrong = int((~value.isfinite()).sum())
            raise ValueError(
                f"{path.name}: {wrong} of {value.numel()} numbers of {name} aren't finite; nothing is written"
            )
    try:
        save_file(state, path)
    except SafetensorError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: cannot be written ({reason}); make room and run the same command again") from error
