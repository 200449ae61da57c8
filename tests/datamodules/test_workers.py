"""Loader processes under the signals that stop a stage."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import PROJECT
from torch.utils.data import DataLoader, Dataset

from datamodules.endless import endless_loader
from datamodules.images import evaluation_loader


class Pids(Dataset[torch.Tensor]):
    """The process that was asked."""

    def __getitem__(self, position: int) -> torch.Tensor:
        return torch.tensor(os.getpid())


def trainer_on(device: str) -> Any:
    """Stands for a trainer of one rank on a device, which may not be here."""
    strategy = SimpleNamespace(root_device=torch.device(device))
    return SimpleNamespace(world_size=1, global_step=0, global_rank=0, strategy=strategy)


@pytest.mark.parametrize("kind", ["endless", "evaluation"])
def test_loader_processes_outlive_signals_to_their_group(kind: str) -> None:
    """torchrun and some SLURMs signal every process: the stage saves first, and needs its next batch for that."""
    trainer = trainer_on("cpu")
    images: Any = Pids()
    loader: DataLoader[Any]
    if kind == "endless":
        loader = endless_loader(trainer, images, batch_size=1, accumulation=1, workers=1)
    else:
        loader = evaluation_loader(images, np.arange(1000), 1, 1, 0, 1)
    batches = iter(loader)
    worker = int(next(batches))
    assert worker != os.getpid()
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
        os.kill(worker, number)
        assert all(int(next(batches)) == worker for _ in range(10))


@pytest.mark.parametrize(("device", "pinned"), [("cpu", False), ("cuda:1", True)])
def test_batches_lie_in_pinned_memory_for_a_gpu(device: str, pinned: bool) -> None:
    loader = endless_loader(trainer_on(device), Pids(), batch_size=1, accumulation=1, workers=0)
    assert loader.pin_memory == pinned


LEAVING = """
import sys
from lightning.pytorch import Trainer
from datamodules.endless import endless_loader
trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
batches = iter(endless_loader(trainer, list(range(10**6)), batch_size=1, accumulation=1, workers=2))
next(batches)
print("reads", flush=True)
sys.exit(75)  # in the middle: nobody has shut the loaders down
"""


def test_a_stage_that_leaves_in_the_middle_does_not_wait_for_its_loaders() -> None:
    """multiprocessing joins its children at the end, after a SIGTERM, which these don't obey."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVING], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (75, "reads\n"), done.stderr
