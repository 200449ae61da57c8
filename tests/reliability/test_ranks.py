"""Two ranks with half the batch each are one rank with all of it."""

import csv
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import PROJECT, SMOKE
from tests_support import with_inputs_of
from trainings import TRAININGS, Ranks, command, leaves, load, with_own_book

from pipeline.graph import Recipe
from pipeline.store import Store

# Dropout is drawn by (seed, update, rank) and so is off. Adam divides by the gradient's size, so that a parameter whose
# gradient is nothing but rounding (the bias of keys, a bias before a norm) moves as far as any other: what it adds to
# that size is larger here. Few updates, because later a token that lay between two codes falls to the other.
UPDATES = {"tokenizer": 2, "decoder": 2}  # of the others 5
EPS = 1e-4
OWN_BOOK = "with a codebook of moving averages"
ADVERSARIAL = ["gan.discriminator_start=0", "gan.generator_start=0", "gan.ramp=0", "gan.adaptive=true"]
NO_DROPOUT = {
    "ar_prior": ["network.transformer.dropout=0", "pkeep=0.8"],
    "nar_prior": ["network.transformer.dropout=0"],
    "classifier": ["network.drop_path=0"],
}


def distances(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> dict[str, float]:
    """Returns |two - one| / |one| of network, average and adversary, over all their floats."""
    squares: dict[str, list[float]] = {}
    for name, value in one.items():
        if value.is_floating_point():
            found = squares.setdefault(name.partition(".")[0], [0.0, 0.0])
            found[0] += float((two[name].double() - value.double()).square().sum())
            found[1] += float(value.double().square().sum())
    return {name: math.sqrt(difference / whole) for name, (difference, whole) in squares.items()}


@pytest.mark.parametrize(
    ("stage", "extra"),
    [
        *(
            pytest.param(stage, [], id=stage, marks=[] if stage == "nar_prior" else pytest.mark.reliability)
            for stage in TRAININGS
            if stage != "tokenizer"
        ),
        pytest.param("tokenizer", ADVERSARIAL, id="tokenizer-adversarial"),
        pytest.param("tokenizer", [OWN_BOOK], id="tokenizer-ema", marks=pytest.mark.reliability),
    ],
)
def test_two_ranks_train_as_one(
    stage: str, extra: list[str], ranks: Ranks, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    updates = UPDATES.get(stage, 5)
    length = [f"training.updates={updates}", f"training.validate_every={updates}", "runtime.log_every=1"]
    recipe = with_own_book(tmp_path / "recipe") if OWN_BOOK in extra else SMOKE
    found, changes = {}, [*length, *NO_DROPOUT.get(stage, []), *(extra if recipe == SMOKE else [])]
    for world in (1, 2):
        runs = with_inputs_of(smoke_runs, stage, tmp_path / f"runs-{world}")
        keep = tmp_path / f"{world}.ckpt"
        ranks.start(world, command(stage, runs, keep, world, changes, recipe, EPS))
        assert ranks.wait(world) == [0] * world
        status = Recipe(recipe, [f"{stage}.{change}" for change in changes]).status(Store(runs))[stage]
        assert status.artifact
        with status.artifact.file("curves.csv").open(newline="") as stream:
            found[world] = load(keep)["state_dict"], list(csv.DictReader(stream))
    (one, first), (two, second) = found[1], found[2]
    notes = [Path(f"{tmp_path / '2.ckpt'}.rank{rank}").read_text() for rank in range(2)]
    assert notes[0] == notes[1] and notes[0].count("\n") == updates, "alike to the bit at every update"
    assert one.keys() == two.keys()
    for name, value in one.items():
        if not value.is_floating_point():
            assert torch.equal(value, two[name]), name
    apart = distances(one, two)
    name = f"{stage} {' '.join(extra)}".strip()
    figure(
        f"two ranks against one, Adam's eps {EPS}: {name}",
        ", ".join(f"{part} {value:.1e}" for part, value in apart.items()),
    )
    assert max(apart.values()) < 1e-5, apart
    assert len(first) == len(second) == updates + 1
    for row, other in zip(first, second, strict=True):
        for name in row:
            if row[name]:
                # A few of some thousand tokens lie between two codes and may fall to either.
                counts = name in ("val/entropy", "val/perplexity", "val/usage")
                close = 5e-3 if counts else 1e-4 if name.startswith("gradient_norm") else 1e-5
                assert float(other[name]) == pytest.approx(float(row[name]), rel=close, abs=1e-6), name


@pytest.mark.parametrize(
    "stage", ["scores", "sweep", "token_shards", pytest.param("samples", marks=pytest.mark.reliability)]
)
def test_two_ranks_measure_and_write_what_one_does(
    stage: str, ranks: Ranks, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    """No image is left out or counted twice, and the protocol counts those of both ranks."""
    runs = with_inputs_of(smoke_runs, stage, tmp_path / "runs")
    words = ["runtime.devices=2", "runtime.accelerator=cpu", "runtime.threads=1"]
    script = PROJECT / "stages" / f"{stage}.py"
    ranks.start(2, [str(script), "--config", str(SMOKE / f"{stage}.yaml"), "--runs", str(runs), *words])
    assert ranks.wait(2) == [0, 0]
    one, two = (Recipe(SMOKE).status(Store(folder))[stage].artifact for folder in (smoke_runs, runs))
    assert one and two and two.manifest["made_by"] != one.manifest["made_by"]
    worst = 0.0
    for (name, value), (other, found) in zip(leaves(one.facts), leaves(two.facts), strict=True):
        assert name == other
        if isinstance(value, float):
            assert found == pytest.approx(value, rel=1e-6, abs=1e-9), name
            worst = max(worst, abs(found - value) / max(abs(value), 1e-9))
        else:
            assert found == value, name
    figure(f"two ranks against one: figures of {stage}", f"{worst:.0e} apart at most")
    if stage not in ("scores", "sweep"):
        assert one.digest == two.digest


@pytest.mark.reliability
def test_every_launcher_gives_the_same(ranks: Ranks, smoke_runs: Path, tmp_path: Path) -> None:
    """``lightning run --devices 2`` and the runner; for srun see tests/slurm."""
    words = ["training.updates=4", "training.validate_every=4", "runtime.threads=1", "runtime.accelerator=cpu"]
    found = {}
    for launcher in ("environment", "lightning", "pipeline"):
        runs = with_inputs_of(smoke_runs, "tokenizer", tmp_path / launcher)
        if launcher == "environment":
            ranks.start(2, command("tokenizer", runs, tmp_path / "kept.ckpt", 2, words))
            assert ranks.wait(2) == [0, 0]
        else:
            sets = [f"--set=tokenizer.{word}" for word in (*words, "runtime.devices=2")]
            line = {
                "lightning": [
                    Path(sys.executable).with_name("lightning"), "run", "tokenizer", "--config",
                    SMOKE / "tokenizer.yaml", "--devices", "2", "--runs", runs, *words,
                ],
                "pipeline": [
                    sys.executable, "-m", "pipeline", "run", SMOKE, "--until", "tokenizer", "--runs", runs, *sets,
                ],
            }[launcher]  # fmt: skip
            done = subprocess.run(
                [*map(str, line)], capture_output=True, text=True, check=False, cwd=PROJECT, timeout=300
            )
            assert done.returncode == 0, done.stderr
            again = subprocess.run(
                [*map(str, line)], capture_output=True, text=True, check=False, cwd=PROJECT, timeout=99
            )
            assert again.stdout.count("tokenizer: up to date") == (launcher == "lightning"), "said by one rank"
            assert launcher == "lightning" or "0 built" in again.stdout
        artifact = Recipe(SMOKE, [f"tokenizer.{word}" for word in words]).status(Store(runs))["tokenizer"].artifact
        assert artifact and artifact.manifest["made_by"]["world_size"] == 2
        found[launcher] = artifact.digest
    assert len(set(found.values())) == 1, found
