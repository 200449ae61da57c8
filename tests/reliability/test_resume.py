"""Twenty updates in one go, and seven, kill -9, thirteen: the same to the last bit."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import SMOKE
from tests_support import with_inputs_of
from trainings import Ranks, command, load, states, wait_for_update, with_own_book, work_folder

STAGES = ("tokenizer", "decoder", "ar_prior", "nar_prior")
WORKERS = ["runtime.num_workers=1"]
OWN_BOOK = ["with a codebook of moving averages"]
CASES = [
    pytest.param("tokenizer", 1, WORKERS),
    pytest.param("decoder", 1, [], marks=pytest.mark.reliability),
    pytest.param("ar_prior", 1, WORKERS, marks=pytest.mark.reliability),
    pytest.param("nar_prior", 1, [], marks=pytest.mark.reliability),
    pytest.param("tokenizer", 2, [], marks=pytest.mark.reliability),
    pytest.param("tokenizer", 2, OWN_BOOK, marks=pytest.mark.reliability),
    pytest.param("ar_prior", 1, ["training.accumulation=2"], marks=pytest.mark.reliability),
    pytest.param("decoder", 2, WORKERS, marks=pytest.mark.reliability),
    pytest.param("ar_prior", 2, []),
    pytest.param("nar_prior", 2, WORKERS, marks=pytest.mark.reliability),
]


@pytest.mark.parametrize(("stage", "world", "changes"), CASES)
def test_killed_at_update_7_goes_on_bit_for_bit(
    stage: str, world: int, changes: list[str], ranks: Ranks, smoke_runs: Path, tmp_path: Path,
    figure: Callable[[str, str], None],
) -> None:  # fmt: skip
    name, recipe = f"{stage} {' '.join(changes)}".strip(), SMOKE
    if changes is OWN_BOOK:
        recipe, changes = with_own_book(tmp_path / "recipe"), []
    whole, cut = tmp_path / "whole.ckpt", tmp_path / "cut.ckpt"
    runs = with_inputs_of(smoke_runs, stage, tmp_path / "whole")
    ranks.start(world, command(stage, runs, whole, world, changes, recipe))
    assert ranks.wait(world) == [0] * world

    runs = with_inputs_of(smoke_runs, stage, tmp_path / "cut")
    ranks.start(world, command(stage, runs, cut, world, changes, recipe))
    wait_for_update(work_folder(stage, runs, changes, recipe), 7)
    assert 0 not in ranks.kill(world, first=world - 1)
    assert not cut.exists()
    ranks.start(world, command(stage, runs, cut, world, changes, recipe))
    assert ranks.wait(world) == [0] * world

    expected, found = states(load(whole)), states(load(cut))
    assert expected.keys() == found.keys()
    equal = 0
    for key, value in expected.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, found[key]), key
            equal += 1
        else:
            same = value == found[key] or (math.isnan(value) and math.isnan(found[key]))
            assert same, key
    assert equal > 40
    figure(f"resume: {name}, world size {world}, tensors equal", f"{equal} of {equal}")
