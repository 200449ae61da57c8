"""Loss curves that survive a resume, and a plain progress line."""

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.reporting import Reporting


class Curves(Callback):
    """Keeps a row of logged values every so many updates, in the checkpointed state, and writes them as CSV.

    Since the rows travel with the checkpoint, a resumed run loses none and repeats none. Without a terminal each row
    is printed as one plain line, with the speed.
    """

    def __init__(self, path: Path, every: int, updates: int, images_per_update: int, plain: bool) -> None:
        self.path, self.every, self.updates = path, every, updates
        self.images_per_update, self.plain = images_per_update, plain
        self.rows: list[dict[str, float]] = []
        self.last_update, self.last_time, self.speed = 0, time.perf_counter(), 0.0

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = state_dict["rows"]

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.last_update, self.last_time = trainer.global_step, time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        update = trainer.global_step
        if update % self.every or update == self.last_update:
            return
        reporting: Reporting = module  # type: ignore[assignment]
        self._add(update, _over_ranks(trainer, reporting.terms))
        now = time.perf_counter()
        self.speed = (update - self.last_update) * self.images_per_update / (now - self.last_time)
        self.last_update, self.last_time = update, now
        if self.plain and trainer.is_global_zero:
            self._print(update)

    def validation(self, update: int) -> dict[str, float]:
        """Returns the ``val/`` figures of the validation after ``update``; none if there was no validation."""
        rows = [row for row in self.rows if row["update"] == update]
        return {name: value for row in rows for name, value in row.items() if name.startswith("val/")}

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            wanted = ("val/", "train/usage", "train/perplexity", "train/entropy")
            values = {name: v for name, v in trainer.callback_metrics.items() if name.startswith(wanted)}
            self._add(trainer.global_step, values)
            if trainer.is_global_zero:
                self.write()
                if self.plain:
                    self._print(trainer.global_step)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.is_global_zero:
            self.write()

    def write(self) -> None:
        """Writes all rows; columns in the order in which they came up."""
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        with self.path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, columns)
            writer.writeheader()
            writer.writerows(self.rows)

    def _add(self, update: int, values: Mapping[str, Tensor]) -> None:
        self.rows.append({"update": update, **{name: float(value) for name, value in values.items()}})

    def _print(self, update: int) -> None:
        shown = [f"{name} {value:.4g}" for name, value in self.rows[-1].items() if name.count("/") == 1][:9]
        print(f"  update {update}/{self.updates}  {self.speed:.0f} images/s  " + "  ".join(shown), flush=True)


def _over_ranks(trainer: Trainer, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the mean of each term over the ranks: the curve of the whole batch."""
    if trainer.world_size == 1 or not terms:
        return dict(terms)
    values = trainer.strategy.reduce(
        torch.stack([value.detach().double() for value in terms.values()]), reduce_op="mean"
    )
    return dict(zip(terms, values, strict=True))
