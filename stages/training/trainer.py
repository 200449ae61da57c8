"""The Trainer that every stage uses, set up from the recipe and the launcher's variables."""

import atexit
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch import Callback, LightningDataModule, Trainer
from torch import nn

from callbacks.checkpoints import Checkpoints
from callbacks.curves import Curves
from callbacks.missed_validation import MissedValidation
from callbacks.non_finite import NonFiniteDump
from callbacks.preemption import Preemption
from callbacks.start_table import StartTable
from callbacks.step_seed import StepSeed
from configs.schema.runtime import RuntimeConfig
from configs.schema.training import TrainingConfig
from lit_modules.training import LitTraining, NonFinite
from pipeline.devices import device_settings, world_size
from pipeline.job import Job
from pipeline.process import PREEMPTED
from smalti.config.prior_kinds import PRIOR_STAGES
from smalti.layers.recomputed import recompute_blocks
from smalti.seeds import mix
from stages.training.bfloat16 import cpu_has_bfloat16
from stages.training.checkpoints import Generations, drop_partial, newest_checkpoint, update_of
from stages.training.disk_space import check_room
from stages.training.loggers import make_logger
from stages.training.sharded import Sharded

CHECKPOINTS = "checkpoints"

# Lightning warns about these choices, which are made on purpose here.
DELIBERATE = (
    ".*does not have many workers.*",
    ".*mid-epoch.*",
    ".*in eval mode at the start of training.*",
    "Using ModelCheckpoint with manual optimization",
    ".*Checkpoint directory.*exists.*",
    ".*resuming from a checkpoint that ended before the epoch ended.*",
    ".*GPU available but not used.*",
    ".*LeafSpec.*",
    ".*sync_dist=True.*",  # metrics reduce themselves
    ".*torch.distributed.nn.functional.all_reduce is deprecated.*",  # its successor is still private
    ".*before the ..update.. method.*",  # a metric of what didn't occur, such as unreadable images
    ".*srun. command is available.*",
    ".*Starting from v1.9.0, `tensorboardX`.*",
    ".*FSDP2-wrapped module.*returned a view tensor.*",  # nobody writes into it
)


def quieten() -> None:
    """Silences Lightning's warnings about deliberate choices, and the lines that it prints at every start."""
    for text in DELIBERATE:
        warnings.filterwarnings("ignore", text)
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.ERROR)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def check_world_size(wanted: int) -> None:
    """Raises ValueError unless the launcher, torchrun or srun, started ``wanted`` processes.

    Otherwise each of them would train alone and write over the others' files.
    """
    started = world_size()
    if started != wanted:
        raise ValueError(
            f"the launcher started {started} processes, the recipe asks for {wanted}; give the same number to "
            "lightning run --devices or srun --ntasks and to runtime.devices times runtime.num_nodes"
        )


@atexit.register
def leave_process_group() -> None:
    """Leaves the process group, so that its threads don't outlive the interpreter.

    Lightning does so for NCCL alone. With gloo a rank could abort at its very end ("terminate called without an active
    exception"), and the launcher would then stop the others.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def build_trainer(job: Job, callbacks: Sequence[Callback] = (), **settings: Any) -> Trainer:
    """Returns a Trainer on the devices that the recipe and the launcher name.

    Raises:
        ValueError: the launcher started more or fewer processes than the Trainer will use, or a strategy that the stage
            can't have.
    """
    quieten()
    runtime: RuntimeConfig = job.config.runtime
    if runtime.threads:
        torch.set_num_threads(runtime.threads)
    devices = device_settings(runtime)
    if devices["strategy"] == "fsdp":
        if job.stage not in PRIOR_STAGES:
            raise ValueError(f"strategy fsdp: only priors are trained so, not {job.stage}; take ddp")
        devices["strategy"] = Sharded()
    check_world_size(devices["devices"] * devices["num_nodes"])
    plugins: list[Any] = [Generations()]
    if "TORCHELASTIC_RUN_ID" not in os.environ and SLURMEnvironment.detect():
        # Without srun a batch script's process is no task of SLURM; Lightning would wait for the other tasks.
        plugins.append(
            SLURMEnvironment(auto_requeue=False) if "SLURM_STEP_ID" in os.environ else LightningEnvironment()
        )
    terminal = sys.stdout.isatty()
    trainer = Trainer(
        **devices,
        callbacks=list(callbacks),
        plugins=plugins,
        use_distributed_sampler=False,
        enable_progress_bar=terminal,
        enable_model_summary=False,
        default_root_dir=job.work,
        **settings,
    )
    assert trainer.world_size == devices["devices"] * devices["num_nodes"]
    return trainer


def fit(
    job: Job,
    training: TrainingConfig,
    module: LitTraining,
    data: LightningDataModule,
    trainer: Trainer,
) -> None:
    """Trains to the last update, from the newest checkpoint if there is one, and validates after it.

    Raises:
        ValueError: the training ended before its last update.
    """
    if not job.rank:
        drop_partial(job.work / CHECKPOINTS)
        check_room(module, job.work / CHECKPOINTS)
    checkpoint = newest_checkpoint(job.work / CHECKPOINTS)
    if checkpoint:
        job.done_before = update_of(checkpoint) * training.batch_size
    if checkpoint and not job.rank:
        print(f"  resuming from {checkpoint.name}", flush=True)
    trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    if trainer.global_step < training.updates:
        raise ValueError(f"training ended at update {trainer.global_step} of {training.updates}")
    if not last_validation(trainer):
        # The updates are no multiple of validate_every, or a kill came between the last update and its validation.
        trainer.validate(module, data, verbose=False)
    module.move_frozen()  # to the CPU, where Lightning has moved the module and where the result is put together


def last_validation(trainer: Trainer) -> dict[str, float]:
    """Returns the ``val/`` figures after the last update."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    curves = next(callback for callback in callbacks if isinstance(callback, Curves))
    return curves.validation(trainer.global_step)


def training_trainer(job: Job, training: TrainingConfig, callbacks: Sequence[Callback]) -> Trainer:
    """Returns the Trainer of a training stage: seeds, checkpoints, curves, signals, logger."""
    runtime: RuntimeConfig = job.config.runtime
    folder = job.work / CHECKPOINTS
    curves = Curves(
        job.work / "curves.csv", runtime.log_every, training.updates, training.batch_size, not sys.stdout.isatty()
    )
    trainer = build_trainer(
        job,
        [
            StartTable(),
            StepSeed(lambda batch, rank: mix(training.seed, "step", batch, rank)),
            *callbacks,
            curves,
            NonFiniteDump(job.work, NonFinite, lambda: newest_checkpoint(folder)),
            # After the callbacks above, so that a checkpoint includes what they did with its update.
            Checkpoints(folder, runtime.checkpoint_every, training.validate_every),
            Preemption(folder, PREEMPTED),
            MissedValidation(training.validate_every, curves),  # after those that act on signals
        ],
        precision=training.precision,
        max_steps=training.updates,
        max_epochs=-1,
        val_check_interval=training.validate_every * training.accumulation,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        log_every_n_steps=runtime.log_every,
        logger=make_logger(job) or False,
    )
    on_cpu = trainer.strategy.root_device.type == "cpu"
    if on_cpu and training.precision == "bf16-mixed" and not cpu_has_bfloat16() and not job.rank:
        remedy = f"--set={job.stage}.training.precision=32-true"
        print(f"  this CPU only emulates bfloat16: {remedy} is several times as fast, and another result", flush=True)
    return trainer


def run_facts(trainer: Trainer) -> dict[str, Any]:
    """Returns facts of the run for the manifest: the number of processes, and the peak memory of rank 0's GPU in GB."""
    device = trainer.strategy.root_device
    memory = {"device_memory_gb": torch.cuda.max_memory_allocated(device) / 1e9} if device.type == "cuda" else {}
    return {"world_size": trainer.world_size, **memory}


def lay_out(runtime: RuntimeConfig, *networks: nn.Module) -> None:
    """Puts the weights of convolutions into the memory format that the recipe asks for."""
    if runtime.channels_last:
        for network in networks:
            network.to(memory_format=torch.channels_last)


def speed_up(module: LitTraining, runtime: RuntimeConfig) -> None:
    """Applies the run-time settings that change speed and memory alone: memory format, recomputation, compilation.

    Raises:
        ValueError: a network whose blocks can't be computed again.
    """
    lay_out(runtime, module, *module.frozen.values())
    if runtime.recompute:
        recompute_blocks(module.network)
    if runtime.compile:
        for part in module.compiled_parts():
            part.compile()
