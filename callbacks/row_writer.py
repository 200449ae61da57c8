"""Writing each prediction to its row."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter


class RowStore(Protocol):
    """Something that stores rows of one or several arrays."""

    def write(self, rows: np.ndarray, values: Mapping[str, np.ndarray], good: np.ndarray) -> None:
        """Stores the arrays ``values`` at ``rows``; those that aren't ``good`` are dropped."""

    def flush(self) -> None:
        """Brings everything written so far to the disk."""


class RowWriter(BasePredictionWriter):
    """Writes each batch as soon as it is predicted: image i to row ``row_of[i]``, or drops it if it isn't readable.

    ``row_of`` may be a range, where an image's row is its number: a table of all rows may be larger than the memory.

    A prediction is {name: tensor (B, ...)}, one entry for each array of a row.
    """

    def __init__(self, store: RowStore, row_of: Mapping[int, int] | Sequence[int]) -> None:
        super().__init__("batch")
        self.store, self.row_of = store, row_of

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
        self.store.write(rows, {name: values.cpu().numpy() for name, values in prediction.items()}, good)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.store.flush()
