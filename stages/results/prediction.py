"""Predicting one row for each image, over all ranks, resumable."""

import numpy as np
from lightning.pytorch import LightningModule, Trainer

from callbacks.row_writer import RowWriter
from datamodules.images import EvaluationImages, evaluation_loader
from datamodules.index import ImageIndex
from datamodules.shards import ShardWriter
from pipeline.job import Job


def allocate(trainer: Trainer, writer: ShardWriter) -> None:
    """Makes the shards of ``writer`` on rank 0; returns on every rank when they are there."""
    trainer.strategy.setup_environment()  # the process group: before it a barrier lets everybody through
    if trainer.is_global_zero:
        writer.create()
    trainer.strategy.barrier("rows allocated")


def predict_rows(
    job: Job,
    trainer: Trainer,
    module: LightningModule,
    images: EvaluationImages,
    members: np.ndarray,
    writer: ShardWriter,
    batch_size: int,
) -> None:
    """Runs ``module.predict_step`` over the images of ``members`` whose row isn't written yet.

    Row r of ``writer`` belongs to image ``members[r]``. Returns when all ranks are done.
    """
    allocate(trainer, writer)
    pending = writer.pending()
    row_of = {int(members[row]): int(row) for row in pending}
    trainer.callbacks.append(RowWriter(writer, row_of))  # type: ignore[attr-defined]
    loader = evaluation_loader(
        images, members[pending], batch_size, job.config.runtime.num_workers, trainer.global_rank, trainer.world_size
    )
    trainer.predict(module, loader, return_predictions=False)
    trainer.strategy.barrier("rows written")


def check_dropped(index: ImageIndex, dropped: np.ndarray, number: int, max_share: float) -> list[str]:
    """Returns the names of the ``dropped`` images, of ``number`` in all, which can't be read.

    Raises:
        ValueError: they are more than ``max_share``.
    """
    names = [index.name(int(i)) for i in dropped]
    if names:
        print(f"  {len(names)} unreadable images left out: {', '.join(names[:20])}", flush=True)
    if len(names) > max_share * number:
        raise ValueError(
            f"{len(names)} of {number} images can't be read, above max_unreadable {max_share}: "
            f"{', '.join(names[:20])}; the same command tries them again"
        )
    return names
