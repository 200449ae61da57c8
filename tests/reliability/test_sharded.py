"""A prior whose weights are shared out among two ranks is trained as on two that hold all of it."""

import csv
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import SMOKE
from safetensors.torch import load_file
from tests_support import with_inputs_of
from trainings import Ranks, command, load, states, wait_for_update, work_folder

from pipeline.graph import Recipe
from pipeline.process import PREEMPTED
from pipeline.store import Store
from smalti.artifact import Artifact

FSDP = "runtime.strategy=fsdp"
LENGTH = ["training.updates=5", "training.validate_every=5", "runtime.log_every=1"]
LLAMA = (
    "network={transformer: {kind: llama, num_layers: 2, num_heads: 2, width: 32, mlp_width: 64, dropout: 0}, "
    "split: [3, 3], head: {kind: ar, num_layers: 1}}"
)
EPS = 1e-4  # of Adam: with 1e-8 rounding moves what has no gradient but rounding


def published(stage: str, runs: Path, changes: Sequence[str]) -> Artifact:
    artifact = Recipe(SMOKE, [f"{stage}.{change}" for change in changes]).status(Store(runs))[stage].artifact
    assert artifact
    return artifact


def trained(stage: str, runs: Path, keep: Path, ranks: Ranks, *changes: str) -> dict[str, Any]:
    """Trains to the end on two ranks; returns the last checkpoint's states."""
    ranks.start(2, command(stage, runs, keep, 2, [*LENGTH, *changes], eps=EPS))
    assert ranks.wait(2) == [0, 0]
    return states(load(keep))


def check_close(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert one.keys() == two.keys()
    for name, value in one.items():
        if isinstance(value, torch.Tensor):
            assert value.shape == two[name].shape and value.dtype == two[name].dtype, name
            torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-6, msg=name)
        elif isinstance(value, float):
            assert two[name] == pytest.approx(value, rel=1e-4, abs=1e-6), name
        else:
            assert two[name] == value, name


@pytest.mark.parametrize(
    ("stage", "changes"),
    [
        pytest.param("ar_prior", [LLAMA, "runtime.recompute=true", "training.accumulation=2"], id="ar_prior-llama"),
        *(
            pytest.param(f"{kind}_prior", [], id=f"{kind}_prior", marks=pytest.mark.reliability)
            for kind in ("ar", "nar", "ldm", "dit", "sit")
        ),
    ],
)
def test_shares_train_as_copies(stage: str, changes: list[str], ranks: Ranks, smoke_runs: Path, tmp_path: Path) -> None:
    """Each rank holds half. Checkpoints have the same tensors; weights are published whole."""
    runs = {name: with_inputs_of(smoke_runs, stage, tmp_path / name) for name in ("ddp", "fsdp")}
    whole = trained(stage, runs["ddp"], tmp_path / "ddp.ckpt", ranks, *changes)
    shared = trained(stage, runs["fsdp"], tmp_path / "fsdp.ckpt", ranks, FSDP, *changes)
    check_close(whole, shared)
    held = {name: [int(Path(f"{tmp_path / name}.ckpt.held{rank}").read_text()) for rank in range(2)] for name in runs}
    assert held["ddp"][0] == held["ddp"][1] and sum(held["fsdp"]) == pytest.approx(held["ddp"][0], rel=0.01)
    assert held["fsdp"][0] == pytest.approx(held["fsdp"][1], rel=0.05)
    one, two = (published(stage, folder, [*LENGTH, *changes]) for folder in runs.values())
    assert one.facts["updates"] == two.facts["updates"]
    rows = [list(csv.DictReader(artifact.file("curves.csv").open(newline=""))) for artifact in (one, two)]
    assert [row.keys() for row in rows[0]] == [row.keys() for row in rows[1]]
    check_close(*(load_file(artifact.file("prior.safetensors")) for artifact in (one, two)))


@pytest.mark.parametrize("first", [FSDP, pytest.param("runtime.strategy=ddp", marks=pytest.mark.reliability)])
def test_what_one_strategy_stopped_the_other_goes_on_with(
    first: str, ranks: Ranks, smoke_runs: Path, tmp_path: Path
) -> None:
    second = {FSDP: "runtime.strategy=ddp"}.get(first, FSDP)
    stage, undisturbed = "ar_prior", with_inputs_of(smoke_runs, "ar_prior", tmp_path / "undisturbed")
    expected = trained(stage, undisturbed, tmp_path / "undisturbed.ckpt", ranks)
    runs = with_inputs_of(smoke_runs, stage, tmp_path / "runs")
    ranks.start(2, command(stage, runs, tmp_path / "stopped.ckpt", 2, [*LENGTH, first], eps=EPS))
    wait_for_update(work_folder(stage, runs, LENGTH), 2)
    for server in ranks.servers[:2]:
        os.kill(server.pid, signal.SIGTERM)
    codes = ranks.wait(2)
    assert codes == [PREEMPTED] * 2, "it was stopped before its end"
    check_close(expected, trained(stage, runs, tmp_path / "kept.ckpt", ranks, second))
