"""What is left behind by a training that ended with non-finite numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks.reporting import Reporting


class NonFiniteDump(Callback):
    """Writes ``non_finite-<rank>.json`` when training ends by ``error``: update, global positions of the samples of
    the last batch, raw loss terms, gradient norms, and the last checkpoint, which is a good one."""

    def __init__(self, folder: Path, error: type[Exception], newest: Callable[[], Path | None]) -> None:
        self.folder, self.error, self.newest = folder, error, newest
        self.positions = torch.zeros(0, dtype=torch.int64)

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.positions = batch["position"]  # read at the end alone: a GPU isn't waited for

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        if not isinstance(exception, self.error):
            return
        reporting: Reporting = module  # type: ignore[assignment]
        newest = self.newest()
        record = {
            "update": trainer.global_step,
            "positions": self.positions.tolist(),
            "terms": {name: repr(float(value)) for name, value in reporting.terms.items()},
            "last_checkpoint": None if newest is None else newest.name,
        }
        file = self.folder / f"non_finite-{trainer.global_rank}.json"
        file.write_text(json.dumps(record, indent=1))
        print(f"what was seen is in {file}", flush=True)
