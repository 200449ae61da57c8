"""A holder for networks that are used but never trained."""

from typing import Any, Generic, Self, TypeVar

import torch
from torch import nn

Net = TypeVar("Net", bound=nn.Module, covariant=True)


class Frozen(Generic[Net]):
    """A network that is used but never trained, saved, averaged or wrapped by DDP.

    It is no submodule of its owner, so it is in no checkpoint, and nobody's ``train()`` reaches it. The owner moves
    it with ``to`` when its own device is known.
    """

    def __init__(self, network: Net) -> None:
        self.network = network.eval().requires_grad_(False)

    def __call__(self, *args: Any) -> Any:
        return self.network(*args)

    def to(self, device: torch.device) -> Self:
        self.network.to(device)
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # shared by every copy of its owner
