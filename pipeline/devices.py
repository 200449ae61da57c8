"""What a launcher told this process: its rank, and the devices that a Trainer is to use."""

import os
from typing import Any


def global_rank() -> int:
    """Returns the global rank that the launcher gave this process; 0 without a launcher."""
    for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"):
        if name in os.environ:
            return int(os.environ[name])
    return 0


def world_size() -> int:
    """Returns how many processes the launcher, torchrun or srun, started; 1 without a launcher."""
    if "SLURM_STEP_ID" in os.environ and "WORLD_SIZE" not in os.environ:
        return int(os.environ["SLURM_NTASKS"])
    return int(os.environ.get("WORLD_SIZE", 1))


def device_settings(runtime: Any) -> dict[str, Any]:
    """Returns the Trainer's accelerator, devices, num_nodes and strategy.

    ``fabric run`` leaves its options in ``LT_*``, which a Trainer doesn't read; they beat the config.

    Raises:
        ValueError: ``--precision``, which belongs to the recipe since it changes the result.
    """
    if "LT_PRECISION" in os.environ:
        raise ValueError(f"--precision {os.environ['LT_PRECISION']}: write training.precision=... behind the command")
    devices = os.environ.get("LT_DEVICES", str(runtime.devices))
    return {
        "accelerator": os.environ.get("LT_ACCELERATOR", runtime.accelerator),
        "devices": int(devices) if devices.isdecimal() else 1,
        "num_nodes": int(os.environ.get("LT_NUM_NODES", runtime.num_nodes)),
        "strategy": os.environ.get("LT_STRATEGY", runtime.strategy),
    }
