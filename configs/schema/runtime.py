"""Where and how fast a stage runs: nothing of it changes the result."""

from dataclasses import dataclass
from typing import Literal

from smalti.config.ranges import NonNegativeInt, PositiveInt

RUNTIME = {"hash": False}


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig:
    """Where and how fast a stage runs. ``lightning run --devices 2 --accelerator cpu`` overrides the first four."""

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """What it runs on; auto: a GPU where there is one."""
    devices: PositiveInt = 1
    """Devices of each node, one process each."""
    num_nodes: PositiveInt = 1
    """Machines."""
    strategy: Literal["auto", "ddp"] = "auto"
    """How several devices train together; auto: ddp where there are several."""
    threads: NonNegativeInt = 0
    """CPU threads of a process; 0: PyTorch's choice."""
    num_workers: NonNegativeInt = 0
    """Processes that load data, for each device; 0: the training process itself."""
    logger: Literal["tensorboard", "csv", "wandb", "none"] = "tensorboard"
    """Where curves, pictures and settings of a training go too; curves.csv and the previews are written in any case."""
    log_every: PositiveInt = 50
    """Updates from one line of the curves to the next."""
    checkpoint_every: PositiveInt = 1000
    """Updates from one checkpoint to the next; one is also written before each validation."""
    compile: bool = False
    """Whether torch.compile compiles the networks."""
    recompute: bool = False
    """Whether a transformer's blocks are computed again in the backward pass, so that their insides needn't be kept:
    less memory, about a third more time."""
    channels_last: bool = False
    """Whether convolutions keep their weights in the memory format channels_last, which suits tensor cores."""
    fused_optimizer: bool = False
    """Whether AdamW is PyTorch's fused one."""


@dataclass(frozen=True, kw_only=True)
class PriorRuntimeConfig(RuntimeConfig):
    """As everywhere, and the strategy for priors of which a GPU can't hold weights, gradients, moments and average."""

    strategy: Literal["auto", "ddp", "fsdp"] = "auto"  # type: ignore[assignment]  # nobody assigns to it
    """How several devices train together; auto: ddp where there are several. fsdp: each holds a part of the network."""

    def __post_init__(self) -> None:
        if self.strategy == "fsdp" and self.compile:
            raise ValueError(
                "runtime.compile: not with strategy fsdp, which gathers the weights of each block; take one"
            )
