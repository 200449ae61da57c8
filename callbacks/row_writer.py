"""Writing predictions to where their row is."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter


class Rows(Protocol):
    """Something that takes rows."""

    def write(self, rows: np.ndarray, values: np.ndarray, good: np.ndarray) -> None:
        """Stores ``values`` at ``rows``; those that aren't ``good`` are dropped."""

    def flush(self) -> None:
        """Ends the writing: what was given is stored."""


class RowWriter(BasePredictionWriter):
    """Writes each predicted batch at once: row ``row_of[index]`` of each image, dropped unless ``readable``."""

    def __init__(self, rows: Rows, row_of: Mapping[int, int]) -> None:
        super().__init__("batch")
        self.rows, self.row_of = rows, row_of

    def write_on_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        prediction: Any,
        batch_indices: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        rows = np.array([self.row_of[index] for index in batch["index"].tolist()], dtype=np.int64)
        good = batch["readable"].cpu().numpy() if "readable" in batch else np.ones(len(rows), dtype=bool)
        self.rows.write(rows, prediction.cpu().numpy(), good)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.rows.flush()
