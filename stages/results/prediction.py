"""Prediction of one row for each image, over all ranks; a killed run resumes it."""

import numpy as np
from lightning.pytorch import LightningModule, Trainer

from callbacks.row_writer import RowWriter
from datamodules.images import EvaluationImages, evaluation_loader
from datamodules.index import ImageIndex
from datamodules.shards import ShardWriter
from pipeline.job import Job
from stages.results.unreadable import Tolerance


def allocate(trainer: Trainer, writer: ShardWriter) -> None:
    """Creates the shards of ``writer`` on rank 0; returns on every rank when they are there."""
    trainer.strategy.setup_environment()  # makes the process group, without which a barrier doesn't wait
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
    """Runs ``module.predict_step`` over those images of ``members`` whose rows are still to be written.

    Row r of ``writer`` is that of image ``members[r]``. Returns when all ranks are done.
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


def check_dropped(job: Job, index: ImageIndex, dropped: np.ndarray, number: int) -> list[str]:
    """Returns the names of the ``dropped`` images, which can't be read; asked on rank 0 or on all.

    Raises:
        ValueError: they are a larger share of all ``number`` images than data.max_unreadable.
    """
    tolerance = Tolerance.of(job.inputs["data"], number, job.work / "unreadable.txt")
    names = [index.name(int(i)) for i in dropped]
    tolerance.check(names)
    if names and not job.rank:
        print(f"  {len(names)} unreadable images left out: {tolerance.some(names)}", flush=True)
    return names
