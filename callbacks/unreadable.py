"""Counting of images that could not be read."""

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class Unreadable(Callback):
    """Collects ``batch["unreadable"]`` (indices that were replaced, or -1); stops when their share is too high."""

    def __init__(self, name_of: Callable[[int], str], num_images: int, max_share: float) -> None:
        self.name_of, self.num_images, self.max_share = name_of, num_images, max_share
        self.found: set[int] = set()

    def state_dict(self) -> dict[str, Any]:
        """Returns what all ranks have found: each of them is asked when a checkpoint is made, rank 0 alone saves."""
        self._gather()
        return {"found": sorted(self.found)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.found = set(state_dict["found"])

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        bad = batch["unreadable"]
        fresh = set(bad[bad >= 0].tolist()) - self.found if bool((bad >= 0).any()) else set()
        for index in sorted(fresh):
            print(f"unreadable image, replaced by another: {self.name_of(index)}", flush=True)
        self.found |= fresh
        if fresh:
            self._check()

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.world_size > 1:
            self._gather()
            self._check()

    def _gather(self) -> None:
        if torch.distributed.is_initialized():
            gathered: list[Any] = [None] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(gathered, sorted(self.found))
            self.found = {index for part in gathered for index in part}

    def _check(self) -> None:
        if len(self.found) > self.max_share * self.num_images:
            names = ", ".join(self.name_of(index) for index in sorted(self.found)[:20])
            raise ValueError(
                f"{len(self.found)} of {self.num_images} images can't be read, above loading.max_unreadable "
                f"{self.max_share}: {names}"
            )
