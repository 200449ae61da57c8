"""Stopping on a signal, between two updates, with everything saved."""

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)


class Preempted(SystemExit):
    """Raised when the stage was told to stop and its state is saved."""


class Preemption(Callback):
    """Stops the training on a signal: the signal sets a flag, and after the update in progress all ranks agree on it,
    save a checkpoint and end with ``exit_code``.

    A validation may take longer than the notice that a scheduler gives. There the ranks agree after each batch, and end
    at once: the checkpoint of that update is written already.

    Lightning's own handlers save inside the signal handler (SIGUSR1) or end with code 0 (SIGTERM); these take their
    place while training runs.
    """

    def __init__(self, folder: Path, exit_code: int) -> None:
        self.folder, self.exit_code = folder, exit_code
        self.signalled = False
        self.shared_batches = 0  # of a validation: as many as every rank has
        self.last_update, self.is_global_zero = -1, True
        self._former_handlers: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.last_update, self.is_global_zero = trainer.global_step, trainer.is_global_zero
        for number in SIGNALS:
            self._former_handlers[number] = signal.signal(number, self._note)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        self._restore()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._former_handlers.items():
            signal.signal(number, handler)
        self._former_handlers = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signalled = True

    def _leave(self, update: int) -> None:
        if self.is_global_zero:
            print(f"stopped by a signal at update {update}; the same command continues from here", flush=True)
        raise Preempted(self.exit_code)

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        own = torch.tensor(sum(trainer.num_val_batches), device=module.device)
        training = bool(self._former_handlers)  # False in the validation that follows the training
        self.shared_batches = int(trainer.strategy.reduce(own, reduce_op="min")) if training else 0

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        if batch_idx < self.shared_batches and trainer.strategy.reduce_boolean_decision(self.signalled, all=False):
            self._leave(trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self.last_update:  # between two micro-batches of one update
            return
        self.last_update = trainer.global_step
        if trainer.strategy.reduce_boolean_decision(self.signalled, all=False):
            trainer.save_checkpoint(self.folder / f"stopped-step={trainer.global_step:08d}.ckpt")
            self._leave(trainer.global_step)
