"""Two ranks with half the batch each are one rank with all of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from trainings import Ranks, command, load, with_inputs_of

# Dropout is drawn by (seed, update, rank) and so is off; float32, one thread.
NO_DROPOUT = {"ar_prior": ["network.transformer.dropout=0"], "nar_prior": ["network.transformer.dropout=0"]}


@pytest.fixture(scope="module")
def ranks() -> Iterator[Ranks]:
    yield Ranks(2)


@pytest.mark.parametrize("stage", ["ar_prior", "tokenizer", "decoder", "nar_prior"])
def test_two_ranks_train_as_one(
    stage: str, ranks: Ranks, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    found = {}
    for world in (1, 2):
        runs = with_inputs_of(smoke_runs, stage, tmp_path / f"runs-{world}")
        keep = tmp_path / f"{world}.ckpt"
        ranks.start(world, command(stage, runs, keep, world, NO_DROPOUT.get(stage, [])))
        assert ranks.wait(world) == [0] * world
        found[world] = load(keep)
    one, two = found[1]["state_dict"], found[2]["state_dict"]
    assert one.keys() == two.keys()
    worst = 0.0
    for name, value in one.items():
        if not value.is_floating_point():
            assert torch.equal(value, two[name]), name
        else:
            distance = (two[name].double() - value.double()).norm() / value.double().norm().clamp(min=1e-12)
            worst = max(worst, float(distance))
            print(f"{name} {float(distance):.1e}")
    figure(f"two ranks against one: {stage}, largest relative difference of a weight tensor", f"{worst:.1e}")
    assert worst < 1e-5
