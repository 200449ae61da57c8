"""The evidence that a training leaves behind when it ends with non-finite numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks.reporting import Reporting


class NonFiniteDump(Callback):
    """Writes ``non_finite-<rank>.json`` when ``error`` ends the training.

    It holds the update, the global positions of the last batch's samples, the raw loss terms, the gradient norms, and
    the name of the ``newest`` checkpoint, which is a good one.
    """

    def __init__(self, folder: Path, error: type[Exception], newest: Callable[[], Path | None]) -> None:
        self.folder, self.error, self.newest = folder, error, newest
        self.positions = torch.zeros(0, dtype=torch.int64)

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.positions = batch["position"]  # read only at the end: reading it now would wait for the GPU

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
        print(f"terms and positions of the last batch are in {file}", flush=True)
