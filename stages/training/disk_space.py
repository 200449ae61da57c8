"""The space on the disk that a training's checkpoints take."""

import shutil
from pathlib import Path

from lit_modules.training import LitTraining
from smalti.byte_size import byte_size
from stages.training.checkpoints import KEPT, generations


def checkpoint_bytes(module: LitTraining) -> int:
    """Returns the bytes of a checkpoint: the module's state, and Adam's two moments of each trained weight."""
    state = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    weights = [weight for network in module.trained_networks() for weight in network.parameters()]
    return state + sum(2 * weight.numel() * weight.element_size() for weight in weights if weight.requires_grad)


def check_room(module: LitTraining, folder: Path) -> None:
    """Raises ValueError unless the checkpoints that a training will add to ``folder`` fit on its disk.

    A new checkpoint is written before the oldest generation is deleted.
    """
    size = checkpoint_bytes(module)
    needed = (KEPT + 1 - len(generations(folder))) * size
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise ValueError(
            f"{folder}: checkpoints of {byte_size(size)} need {byte_size(needed)}, {byte_size(free)} are free; "
            "make room, or name another folder with --runs"
        )
