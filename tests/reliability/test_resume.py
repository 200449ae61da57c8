"""Twenty updates in one go, and seven, kill -9, thirteen: the same to the last bit."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import SMOKE
from tests_support import with_inputs_of
from trainings import TRAININGS, Ranks, command, load, states, wait_for_update, with_own_book, work_folder

WORKERS = ["runtime.num_workers=1"]
AT_VALIDATION = ["training.validate_every=7"]  # the checkpoint comes before the validation of update 7
OWN_BOOK = ["with a codebook of moving averages"]
# Every training on one rank and on two: what is changed in some of them, and those that take part in each test run.
CHANGES = {
    ("tokenizer", 1): [*WORKERS, *AT_VALIDATION],
    ("ar_prior", 1): [*WORKERS, "pkeep=0.8"],
    ("decoder", 2): WORKERS,
    ("nar_prior", 2): WORKERS,
    ("classifier", 2): WORKERS,
}
ALWAYS = [("tokenizer", 1), ("ar_prior", 2)]
CASES = [
    *(
        pytest.param(
            stage, world, CHANGES.get((stage, world), []),
            marks=[] if (stage, world) in ALWAYS else pytest.mark.reliability,
        )
        for world in (1, 2) for stage in TRAININGS
    ),
    pytest.param("tokenizer", 2, OWN_BOOK, marks=pytest.mark.reliability),
    pytest.param("ar_prior", 1, ["training.accumulation=2"], marks=pytest.mark.reliability),
]  # fmt: skip


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

    for rank in range(world):
        calm, killed = (Path(f"{keep}.positions{rank}").read_text().splitlines() for keep in (whole, cut))
        assert killed.count(killed[0]) == calm.count(calm[0]) == 1, "it started anew in place of going on"
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


def positions(keep: Path, world: int) -> dict[int, list[int]]:
    """Returns {update: positions of its batch, in order}, of which a kill may have repeated some."""
    found: dict[int, dict[int, list[int]]] = {}
    for rank in range(world):
        for line in Path(f"{keep}.positions{rank}").read_text().splitlines():
            update, *batch = json.loads(line)
            found.setdefault(update, {})[rank] = batch
    return {update: sorted(p for batch in ranks.values() for p in batch) for update, ranks in found.items()}


@pytest.mark.reliability
@pytest.mark.parametrize("worlds", [(1, 2), (2, 1)])
@pytest.mark.parametrize("stage", ["tokenizer", "ar_prior", "classifier"])
def test_goes_on_with_another_number_of_ranks(
    stage: str, worlds: tuple[int, int], ranks: Ranks, smoke_runs: Path, tmp_path: Path,
    figure: Callable[[str, str], None],
) -> None:  # fmt: skip
    """Each position, and so each sample of an epoch, is seen once, whatever the number of ranks before and after."""
    runs, keeps = with_inputs_of(smoke_runs, stage, tmp_path / "runs"), [tmp_path / "0.ckpt", tmp_path / "1.ckpt"]
    folder = work_folder(stage, runs, [])
    ranks.start(worlds[0], command(stage, runs, keeps[0], worlds[0], []))
    wait_for_update(folder, 7)
    assert 0 not in ranks.kill(worlds[0], first=0)
    ranks.start(worlds[1], command(stage, runs, keeps[1], worlds[1], []))
    assert ranks.wait(worlds[1]) == [0] * worlds[1]

    before, after = positions(keeps[0], worlds[0]), positions(keeps[1], worlds[1])
    assert min(after) >= 7, "it went on where it was"
    seen = {**before, **after}
    batch = len(seen[0])
    assert seen == {update: list(range(update * batch, (update + 1) * batch)) for update in range(20)}
    figure(f"resume: {stage}, {worlds[0]} ranks and then {worlds[1]}", f"{20 * batch} samples, each once")
