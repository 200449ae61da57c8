"""Room on the disk for a training's checkpoints."""

import shutil
from pathlib import Path

from lit_modules.training import LitTraining
from stages.training.checkpoints import KEPT, generations


def checkpoint_bytes(module: LitTraining) -> int:
    """Returns the size of a checkpoint: the module's state, and Adam's two moments of what is trained."""
    state = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    trained = [weight for network in module.trained_networks() for weight in network.parameters()]
    return state + sum(2 * weight.numel() * weight.element_size() for weight in trained if weight.requires_grad)


def check_room(module: LitTraining, folder: Path) -> None:
    """Raises ValueError unless the checkpoints that a training will add to ``folder`` fit on its disk.

    A new one is written beside the generations that are kept.
    """
    size = checkpoint_bytes(module)
    needed = (KEPT + 1 - len(generations(folder))) * size
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise ValueError(
            f"{folder}: checkpoints of {size / 1e9:.2f} GB need {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are free; "
            "make room, or name another folder with --runs"
        )
