"""Where a training's curves, pictures and settings go, besides curves.csv and the previews' PNG files."""

import os
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from configs.schema.runtime import RuntimeConfig
from pipeline.job import Job
from smalti.config.parsing import plain

PROJECT = "smalti"  # of Weights & Biases, unless WANDB_PROJECT names another


def make_logger(job: Job) -> Logger | None:
    """Returns the logger that ``runtime.logger`` names, with the stage's config as hyperparameters; None for none.

    Raises:
        ValueError: wandb isn't installed.
    """
    runtime: RuntimeConfig = job.config.runtime
    if runtime.logger == "none":
        return None
    logger = {"tensorboard": tensorboard, "csv": csv, "wandb": wandb}[runtime.logger](job)
    if not job.rank:
        logger.log_hyperparams({"stage": job.stage, "key": job.key, **flat(plain(job.config))})
    return logger


def tensorboard(job: Job) -> Logger:
    """Writes below ``work/<stage>/<key>/tensorboard``; ``make board`` shows all stages of a recipe."""
    return TensorBoardLogger(job.work, name="tensorboard", version="")


def csv(job: Job) -> Logger:
    """Writes ``work/<stage>/<key>/csv/metrics.csv`` and ``hparams.yaml``."""
    return CSVLogger(job.work, name="csv", version="")


def wandb(job: Job) -> Logger:
    """Writes to Weights & Biases, one run a result, which a resumed training goes on with; WANDB_MODE=offline keeps it
    below ``work/<stage>/<key>/wandb`` until ``wandb sync``."""
    try:
        return WandbLogger(
            name=f"{job.stage} {job.key}",
            id=job.key,
            save_dir=job.work,
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            resume="allow",
        )
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{job.stage}.runtime.logger wandb: the package isn't installed; pip install 'smalti[wandb]', or take "
            "another"
        ) from error


def flat(config: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Returns nested settings by dotted names; lists as text, since loggers take numbers and words.

    >>> flat({"a": {"b": 1}, "c": [1, 2], "d": None})
    {'a.b': 1, 'c': '[1, 2]', 'd': 'None'}
    """
    found: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value if isinstance(value, bool | int | float | str) else str(value)
    return found
