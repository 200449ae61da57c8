"""Where and how fast a stage runs: nothing of it changes the result."""

from dataclasses import dataclass
from typing import Literal

RUNTIME = {"hash": False}


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig:
    """Where and how fast a stage runs. ``lightning run --devices 2 --accelerator cpu`` overrides the first three."""

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int = 1
    num_nodes: int = 1
    strategy: Literal["auto", "ddp"] = "auto"
    threads: int = 0  # CPU threads of a process; 0 leaves PyTorch's choice
    num_workers: int = 0  # processes that load images, for each device
    log_every: int = 50  # updates
    checkpoint_every: int = 1000  # updates
    compile: bool = False  # torch.compile
    channels_last: bool = False
    fused_optimizer: bool = False
