"""The process group of a command that torchrun started."""

import contextlib
import os
from collections.abc import Iterator

from torch import cuda, distributed


@contextlib.contextmanager
def ranks(device: str) -> Iterator[str]:
    """Yields this rank's device, with a process group around it if torchrun started several ranks: NCCL's on cuda,
    else gloo's."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield device
        return
    on_gpu = device.startswith("cuda")
    if on_gpu:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        cuda.set_device(device)
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()
