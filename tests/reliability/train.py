"""A stage as its script runs it, which also keeps its last checkpoint: ``train.py KEEP EPS --config ...``.

Every rank notes in ``KEEP.rank<r>`` what its networks are at each checkpoint; counters of usage are its own. In
``KEEP.held<r>`` it notes how many numbers of weights and moments it holds then. In ``KEEP.positions<r>`` it notes the
update and the positions of each batch. ``EPS`` is what Adam adds to the gradient's
size: PyTorch's is 1e-8.
"""

import hashlib
import importlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch.distributed.tensor import DTensor

from lit_modules.sharing import whole
from lit_modules.training import LitTraining
from pipeline.job import Job, run_stage
from stages.training.checkpoints import newest_checkpoint


def tensors_of(trainer: Trainer) -> Iterator[torch.Tensor]:
    """Yields the weights of the module, and what optimizers keep of each."""
    yield from trainer.lightning_module.parameters()
    for optimizer in trainer.optimizers:
        for state in optimizer.state.values():
            yield from (value for value in state.values() if isinstance(value, torch.Tensor))


def held(tensor: torch.Tensor) -> int:
    """Returns how many numbers of a tensor lie on this rank."""
    return (tensor.to_local() if isinstance(tensor, DTensor) else tensor).numel()


def main() -> None:
    keep, eps = Path(sys.argv.pop(1)), float(sys.argv.pop(1))
    name = Path(sys.argv[sys.argv.index("--config") + 1]).stem
    stage = importlib.import_module(f"stages.{name}")

    save = Trainer.save_checkpoint

    def note_and_save(trainer: Trainer, *words: Any, **options: Any) -> None:
        digest = hashlib.sha256()
        for name, tensor in trainer.lightning_module.state_dict().items():
            if name.startswith(("network.", "ema.", "adversary.")):
                digest.update(whole(tensor).contiguous().numpy().tobytes())
        with Path(f"{keep}.rank{trainer.global_rank}").open("a") as file:
            file.write(f"{trainer.global_step} {digest.hexdigest()}\n")
        Path(f"{keep}.held{trainer.global_rank}").write_text(str(sum(map(held, tensors_of(trainer)))))
        save(trainer, *words, **options)

    Trainer.save_checkpoint = note_and_save  # type: ignore[method-assign]

    start, configure = LitTraining.on_train_batch_start, LitTraining.configure_optimizers

    def note_positions(self: LitTraining, batch: Any, batch_idx: int) -> None:
        with Path(f"{keep}.positions{self.global_rank}").open("a") as file:
            file.write(json.dumps([self.update, *batch["position"].tolist()]) + "\n")
        start(self, batch, batch_idx)

    def configure_with_eps(self: LitTraining) -> list[torch.optim.Optimizer]:
        optimizers = configure(self)
        for group in [group for optimizer in optimizers for group in optimizer.param_groups]:
            group["eps"] = eps
        return optimizers

    LitTraining.on_train_batch_start = note_positions  # type: ignore[method-assign]
    LitTraining.configure_optimizers = configure_with_eps  # type: ignore[method-assign]

    def build(job: Job) -> None:
        publish = job.publish

        def keep_and_publish(**what: object) -> None:
            checkpoint = newest_checkpoint(job.work / "checkpoints")
            assert checkpoint
            partial = keep.with_suffix(f".{os.getpid()}")
            shutil.copy(checkpoint, partial)
            partial.rename(keep)
            publish(**what)  # type: ignore[arg-type]

        job.publish = keep_and_publish  # type: ignore[method-assign]
        stage.build(job)

    run_stage(name, build)


if __name__ == "__main__":
    main()
