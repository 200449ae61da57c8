"""Pictures drawn during training, always of the same images, labels and seeds."""

from pathlib import Path
from typing import Protocol

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from torch import Tensor
from torchvision.utils import make_grid, save_image


class Previewing(Protocol):
    """A module that shows what it does."""

    def preview(self, fixed: Tensor) -> Tensor:
        """Returns (rows, B, 3, H, W) in [-1, 1] for B fixed images or labels."""


class Previews(Callback):
    """Draws the module's ``preview`` of ``fixed`` at each validation, as a grid: a PNG file, and in the logger
    where it takes pictures."""

    def __init__(self, fixed: Tensor, folder: Path) -> None:
        self.fixed, self.folder = fixed, folder

    @torch.no_grad()
    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        previewing: Previewing = module  # type: ignore[assignment]
        rows = previewing.preview(self.fixed.to(module.device)).cpu().flatten(0, 1)  # by all: weights may be shared out
        if not trainer.is_global_zero:
            return
        grid = make_grid(rows, nrow=len(self.fixed), value_range=(-1, 1), normalize=True, padding=1)
        self.folder.mkdir(parents=True, exist_ok=True)
        save_image(grid, self.folder / f"update-{trainer.global_step:07d}.png")
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("preview", grid, trainer.global_step)
            if isinstance(logger, WandbLogger):
                logger.log_image("preview", [grid], trainer.global_step)
