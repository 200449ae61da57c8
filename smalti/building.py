"""Networks that get their weights from a file: built without drawing any first."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

Net = TypeVar("Net", bound=nn.Module)


class SkipInitialisation(TorchFunctionMode):
    """Leaves out every function of ``torch.nn.init``: weights of new networks are whatever lies in memory."""

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def build_unfilled(build: Callable[[], Net]) -> Net:
    """Returns what ``build`` makes, its weights undefined; PyTorch's random state stays as it is."""
    with torch.random.fork_rng([]), SkipInitialisation():
        return build()


def build_outline(build: Callable[[], Net]) -> Net:
    """Returns what ``build`` makes on the meta device: names and shapes without memory.

    Initialisation is left out here because its first call on the meta device imports PyTorch's compiler: seconds.
    """
    with torch.device("meta"):
        return build_unfilled(build)
