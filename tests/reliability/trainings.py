"""Trainings of configs/smoke in processes of their own, on one or two ranks, cut short or not."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from conftest import SMOKE

from pipeline.fabric import free_port
from pipeline.fork_client import ForkServer
from pipeline.graph import Recipe
from pipeline.store import Store

TRAININGS = [stage for stage, node in Recipe(SMOKE).nodes.items() if node.config.STAGE.trains]
SCRIPT = Path(__file__).with_name("train.py")


class Ranks:
    """One process for each rank, forked from processes that imported torch before."""

    def __init__(self, number: int) -> None:
        self.servers = [ForkServer(TRAININGS) for _ in range(number)]

    def start(self, world: int, command: list[str]) -> None:
        """Starts ranks 0 to ``world`` - 1 as torchrun does."""
        common = {
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(world),
            "LOCAL_WORLD_SIZE": str(world), "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "test", "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        for rank, server in enumerate(self.servers[:world]):
            own = {**common, "RANK": str(rank), "LOCAL_RANK": str(rank)} if world > 1 else {}
            server.start(command, own)

    def wait(self, world: int) -> list[int]:
        return [server.wait() for server in self.servers[:world]]

    def kill(self, world: int, first: int) -> list[int]:
        """Kills one rank with SIGKILL, and after a second what is left of the others; returns the exit codes."""
        pids = [server.pid for server in self.servers[:world]]
        os.kill(pids[first], signal.SIGKILL)
        time.sleep(1)
        for pid in pids:
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGKILL)
        return self.wait(world)


def with_own_book(folder: Path) -> Path:
    """Writes a recipe that is configs/smoke with a codebook of moving averages and restarts; returns its folder."""
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(
        f"base: {SMOKE}\nstages:\n  data:\n  tokenizer: {{data: data}}\nset:\n"
        '  - "tokenizer.quantizer={kind: ema, num_codes: 64, decay: 0.9, restart_below: 0.5}"\n'
    )
    return folder


def command(
    stage: str, runs: Path, keep: Path, world: int, changes: list[str], recipe: Path = SMOKE, eps: float = 1e-8,
    every: int = 1,
) -> list[str]:  # fmt: skip
    """Returns the command of a training: Adam's ``eps``, a checkpoint ``every`` so many updates."""
    return [
        str(SCRIPT), str(keep), str(eps), "--config", str(recipe / f"{stage}.yaml"), "--runs", str(runs),
        f"runtime.devices={world}", "runtime.accelerator=cpu", f"runtime.checkpoint_every={every}",
        "runtime.threads=1", *changes,
    ]  # fmt: skip


def work_folder(stage: str, runs: Path, changes: list[str], recipe: Path = SMOKE) -> Path:
    status = Recipe(recipe, [f"{stage}.{change}" for change in changes]).status(Store(runs))[stage]
    assert status.key
    return Store(runs).work(stage, status.key)


def reached(folder: Path, update: int) -> bool:
    """Returns whether the checkpoint of ``update`` is there."""
    return any(folder.glob(f"checkpoints/*step={update:08d}.ckpt"))


def wait_for_update(folder: Path, update: int, seconds: float = 120) -> None:
    """Returns when the checkpoint of ``update`` is there."""
    until = time.monotonic() + seconds
    while not reached(folder, update):
        assert time.monotonic() < until, f"no checkpoint of update {update} in {folder}"
        time.sleep(0.002)


def load(file: Path) -> dict[str, Any]:
    return torch.load(file, map_location="cpu", weights_only=True)


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (dotted name, tensor or number) of everything in a checkpoint."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from leaves(item, f"{name}.{i}")
    else:
        yield name, value


STATES = ("state_dict", "optimizer_states", "global_step")


def states(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Returns what must be equal: weights raw and averaged, codebook statistics, metrics, both optimisers, curves."""
    found = {part: checkpoint[part] for part in STATES}
    rows = [state["rows"] for name, state in checkpoint["callbacks"].items() if "rows" in state]
    assert rows
    return dict(leaves({**found, "curves": rows}))
