"""Stopping on a signal, between two updates, with everything saved."""

import signal
from pathlib import Path
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)


class Preempted(SystemExit):
    """The stage was told to stop, and saved its state first."""


class Preemption(Callback):
    """A signal sets a flag; after the update all ranks agree, save a checkpoint, and end with ``exit_code``.

    Lightning's own handlers save inside the signal handler (SIGUSR1) or end with code 0 (SIGTERM); these take their
    place while training runs.
    """

    def __init__(self, folder: Path, exit_code: int) -> None:
        self.folder, self.exit_code = folder, exit_code
        self.asked = False
        self.saved_at = -1
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.saved_at = trainer.global_step
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

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self.saved_at:  # between two micro-batches of one update
            return
        self.saved_at = trainer.global_step
        if trainer.strategy.reduce_boolean_decision(self.asked, all=False):
            trainer.save_checkpoint(self.folder / f"stopped-step={trainer.global_step:08d}.ckpt")
            if trainer.is_global_zero:
                print(f"stopped by a signal at update {trainer.global_step}; the same command goes on", flush=True)
            raise Preempted(self.exit_code)
