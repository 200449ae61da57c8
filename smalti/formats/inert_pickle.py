"""A pickle module for ``torch.load`` that calls nothing but what tensors are made of.

Lightning's checkpoints hold, beside the weights, objects of other packages: settings by omegaconf, callbacks, numpy's
numbers. Each of those becomes an empty shell that swallows what it is given; no code of theirs is imported or run.
"""

import builtins
import collections
import pickle
from typing import Any

import torch
from torch import _utils

# What torch's own checkpoints are made of.
TENSORS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _utils._rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): _utils._rebuild_parameter,
    ("torch", "Size"): torch.Size,
    ("torch", "device"): torch.device,
}
# Packages whose objects may lie beside the weights, and are never looked at.
SHELVED = (
    "argparse", "lightning", "lightning_fabric", "lightning_utilities", "numpy", "omegaconf", "pathlib",
    "pytorch_lightning", "typing",
)  # fmt: skip
SHELVED_NAMES = {("collections", "defaultdict"), ("_codecs", "encode")}  # the second: bytes of numpy's numbers
# Plain values of Python's own, as containers in settings are: by name, since builtins holds eval and open too.
BUILTINS = {"dict", "list", "set", "tuple", "int", "float", "bool", "str", "bytes", "frozenset", "complex", "slice"}


class Refused(pickle.UnpicklingError):
    """A pickle asks for something that isn't a tensor and isn't known as harmless."""


class Shell:
    """Stands for an object of another package; takes anything and does nothing."""

    def __new__(cls, *args: Any, **kwargs: Any) -> "Shell":
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> "Shell":
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __hash__(self) -> int:
        return id(self)

    def append(self, value: Any) -> None:
        pass

    def extend(self, values: Any) -> None:
        pass

    def update(self, values: Any) -> None:
        pass


class Unpickler(pickle.Unpickler):
    """Finds tensors' parts, and shells for what is known; refuses anything else by its name, before it is called."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in TENSORS:
            return TENSORS[module, name]
        if module == "torch" and name.endswith("Storage") and isinstance(getattr(torch, name, None), type):
            return getattr(torch, name)
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        if module in ("builtins", "__builtin__") and name in BUILTINS:
            return getattr(builtins, name)
        if module.partition(".")[0] in SHELVED or (module, name) in SHELVED_NAMES:
            return Shell
        raise Refused(f"it would call {module}.{name}")


def load(file: Any, **settings: Any) -> Any:
    """As ``pickle.load``, by this unpickler."""
    return Unpickler(file, **settings).load()
