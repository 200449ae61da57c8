"""Counting the images that can't be read."""

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class Unreadable(Callback):
    """Collects ``batch["unreadable"]``, indices of replaced images or -1, and stops when there are too many.

    Args:
        name_of: maps an image's index to its name.
        check: is given all names whenever there is a new one, and raises when they are too many.
    """

    def __init__(self, name_of: Callable[[int], str], check: Callable[[list[str]], None]) -> None:
        self.name_of, self.check = name_of, check
        self.indices: set[int] = set()

    def state_dict(self) -> dict[str, Any]:
        """Returns the indices of all ranks: each is asked when a checkpoint is made, though rank 0 alone saves it."""
        self._gather()
        return {"found": sorted(self.indices)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.indices = set(state_dict["found"])

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        replaced = batch["unreadable"]
        new = set(replaced[replaced >= 0].tolist()) - self.indices
        for index in sorted(new):
            print(f"unreadable image, replaced by another: {self.name_of(index)}", flush=True)
        self.indices |= new
        if new:
            self.check(self._names())

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.world_size > 1:
            self._gather()
            self.check(self._names())

    def _gather(self) -> None:
        if torch.distributed.is_initialized():
            gathered: list[Any] = [None] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(gathered, sorted(self.indices))
            self.indices = {index for part in gathered for index in part}

    def _names(self) -> list[str]:
        return [self.name_of(index) for index in sorted(self.indices)]
