"""Loss curves that survive a resume, and plain progress lines."""

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
    """Keeps a row of the reported values every ``every`` updates and after each validation, and writes a CSV file.

    The rows travel with the checkpoint, so that a resumed run loses none and repeats none. With ``plain``, for output
    that is no terminal, each row is also printed as one line, with the speed and the time left.
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
        """Returns the ``val/`` figures of the validation after ``update``; empty if there was none."""
        rows = [row for row in self.rows if row["update"] == update]
        return {name: value for row in rows for name, value in row.items() if name.startswith("val/")}

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            prefixes = ("val/", "train/usage", "train/perplexity", "train/entropy")
            values = {name: v for name, v in trainer.callback_metrics.items() if name.startswith(prefixes)}
            self._add(trainer.global_step, values)
            if trainer.is_global_zero:
                self.write()
                if self.plain:
                    self._print(trainer.global_step)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.is_global_zero:
            self.write()

    def write(self) -> None:
        """Writes all rows; a column stands where its name first came up."""
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        with self.path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, columns)
            writer.writeheader()
            writer.writerows(self.rows)

    def _add(self, update: int, values: Mapping[str, Tensor]) -> None:
        self.rows.append({"update": update, **{name: float(value) for name, value in values.items()}})

    def _print(self, update: int) -> None:
        shown = [f"{name} {value:.4g}" for name, value in self.rows[-1].items() if name.count("/") == 1][:9]
        speed = ""  # of the first updates it isn't known yet
        if self.speed:
            left = (self.updates - update) * self.images_per_update / self.speed
            speed = f"{self.speed:.0f} images/s  {duration(left)} left  "
        print(f"  update {update}/{self.updates}  {speed}" + "  ".join(shown), flush=True)


def duration(seconds: float) -> str:
    """Returns a time as people say it.

    >>> duration(9.4), duration(600), duration(5 * 86400)
    ('9 s', '10 min', '120 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _over_ranks(trainer: Trainer, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the mean of each term over the ranks: its value for the whole batch."""
    if trainer.world_size == 1 or not terms:
        return dict(terms)
    own = torch.stack([value.detach().double() for value in terms.values()])
    return dict(zip(terms, trainer.strategy.reduce(own, reduce_op="mean"), strict=True))
