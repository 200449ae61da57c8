"""Stopping on a signal, between two updates, with everything saved."""

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)


class Preempted(SystemExit):
    """The stage was told to stop, and saved its state first."""


class Preemption(Callback):
    """A signal sets a flag; after the update all ranks agree, save a checkpoint, and end with ``exit_code``. In a
    validation, which may take longer than the notice, they agree after each batch, and end: there is a checkpoint
    already.

    Lightning's own handlers save inside the signal handler (SIGUSR1) or end with code 0 (SIGTERM); these take their
    place while training runs.
    """

    def __init__(self, folder: Path, exit_code: int) -> None:
        self.folder, self.exit_code = folder, exit_code
        self.asked = False
        self.batches = 0  # of a validation, on every rank
        self.saved_at, self.is_first = -1, True
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.saved_at, self.is_first = trainer.global_step, trainer.is_global_zero
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._ask)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        self._restore()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def _leave(self, update: int) -> None:
        if self.is_first:
            print(f"stopped by a signal at update {update}; the same command goes on", flush=True)
        raise Preempted(self.exit_code)

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        own = torch.tensor(sum(trainer.num_val_batches), device=module.device)
        training = bool(self._before)  # else it is the one behind the training
        self.batches = int(trainer.strategy.reduce(own, reduce_op="min")) if training else 0

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        if batch_idx < self.batches and trainer.strategy.reduce_boolean_decision(self.asked, all=False):
            self._leave(trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self.saved_at:  # between two micro-batches of one update
            return
        self.saved_at = trainer.global_step
        if trainer.strategy.reduce_boolean_decision(self.asked, all=False):
            trainer.save_checkpoint(self.folder / f"stopped-step={trainer.global_step:08d}.ckpt")
            self._leave(trainer.global_step)
