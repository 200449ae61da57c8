"""The loader of a training: endless, in global order."""

from collections.abc import Callable
from typing import Any

from lightning.pytorch import Trainer
from torch.utils.data import DataLoader, Dataset

from datamodules.sampler import GlobalSampler
from datamodules.workers import leave_signals_to_the_stage


def endless_loader(
    trainer: Trainer | None,
    samples: Dataset[Any],
    *,
    batch_size: int,
    accumulation: int,
    workers: int,
    collate_fn: Callable[[Any], Any] | None = None,
) -> DataLoader[Any]:
    """Returns an endless loader of this rank's share of ``samples``, which are indexed by global position.

    It starts at the first sample of the trainer's next update, so that a resumed run continues where it stopped. For a
    GPU batches lie in pinned memory, from where they are copied while it computes.
    """
    assert trainer is not None
    world = trainer.world_size
    start = trainer.global_step * batch_size * accumulation * world
    return DataLoader(
        samples,
        batch_size=batch_size,
        sampler=GlobalSampler(start, batch_size, trainer.global_rank, world),
        num_workers=workers,
        collate_fn=collate_fn,
        worker_init_fn=leave_signals_to_the_stage,
        persistent_workers=workers > 0,
        pin_memory=trainer.strategy.root_device.type == "cuda",
    )
