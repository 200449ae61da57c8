"""Testing a LightningModule on images, over all ranks."""

import numpy as np
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.sampler import StridedSampler
from datamodules.workers import leave_signals_to_the_stage
from pipeline.job import Job
from stages.training.trainer import build_trainer


def run_test(
    job: Job, module: LightningModule, images: Dataset[dict[str, Tensor]], members: np.ndarray, num_workers: int
) -> None:
    """Runs ``module.test_step`` over ``images[m]`` of all ``members``, each on exactly one rank."""
    trainer = build_trainer(job, logger=False)
    sampler = StridedSampler(members, trainer.global_rank, trainer.world_size)
    loader = DataLoader(
        images,
        job.config.batch_size,
        sampler=sampler,
        num_workers=num_workers,
        worker_init_fn=leave_signals_to_the_stage,
    )
    trainer.test(module, loader, verbose=False)
