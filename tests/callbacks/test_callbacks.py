"""Callbacks on their own."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from callbacks.curves import Curves
from callbacks.non_finite import NonFiniteDump
from callbacks.preemption import Preempted, Preemption
from callbacks.previews import Previews
from callbacks.start_table import StartTable
from callbacks.step_seed import StepSeed
from callbacks.unreadable import Unreadable
from callbacks.usage_watch import UsageWatch
from stages.results.unreadable import Tolerance


def test_step_seed_is_a_function_of_batch_and_rank() -> None:
    seeded = StepSeed(lambda batch, rank: 1000 * batch + rank)
    drawn = {}
    for batch, rank in ((0, 0), (0, 1), (1, 0), (0, 0)):
        seeded.on_train_batch_start(SimpleNamespace(global_rank=rank), None, None, batch)  # type: ignore[arg-type]
        drawn.setdefault((batch, rank), []).append(torch.rand(1).item())
    assert len(set(drawn[0, 0])) == 1
    assert len({values[0] for values in drawn.values()}) == 3


def test_rank_0_alone_writes_a_preview_and_not_before_the_first_update(tmp_path: Path) -> None:
    module: Any = SimpleNamespace(preview=lambda fixed: torch.zeros(1, len(fixed), 3, 4, 4), device="cpu")
    folder = tmp_path / "work" / "previews"
    previews = Previews(torch.zeros(2), folder)
    for sanity_checking, is_global_zero in ((True, True), (False, False), (True, False), (False, True)):
        assert not folder.exists()
        trainer: Any = SimpleNamespace(
            sanity_checking=sanity_checking, is_global_zero=is_global_zero, global_step=7, loggers=[]
        )
        previews.on_validation_end(trainer, module)
    assert [file.name for file in folder.iterdir()] == ["update-0000007.png"]


def test_curves_travel_with_the_checkpoint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = iter([0.0, 0.0, 8.0, 10.0, 11.0])  # of two that are made, and three rows
    monkeypatch.setattr("callbacks.curves.time.perf_counter", lambda: next(clock))
    first = Curves(tmp_path / "curves.csv", every=2, updates=10, images_per_update=4, plain=True)
    second = Curves(tmp_path / "curves.csv", every=2, updates=10, images_per_update=4, plain=False)

    def step(curves: Curves, update: int) -> None:
        trainer: Any = SimpleNamespace(global_step=update, is_global_zero=True, world_size=1)
        module: Any = SimpleNamespace(terms={"train/l1": torch.tensor(update), "train/l1/0": torch.tensor(0)})
        curves.on_train_batch_end(trainer, module, None, None, 0)

    for update in range(1, 5):
        step(first, update)
    shown = capsys.readouterr().out.splitlines()
    assert [line.split("left")[-1].split() for line in shown] == [["train/l1", "2"], ["train/l1", "4"]]
    assert [line.split("left")[0] for line in shown] == [
        "  update 2/10  1 images/s  32 s ", "  update 4/10  4 images/s  6 s ",
    ]  # fmt: skip
    second.load_state_dict(first.state_dict())
    for update in range(5, 7):
        step(second, update)
    second.write()
    lines = (tmp_path / "curves.csv").read_text().split()
    assert lines == ["update,train/l1,train/l1/0", "2,2.0,0.0", "4,4.0,0.0", "6,6.0,0.0"]


def test_too_many_unreadable_images_stop_with_their_names(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tolerance = Tolerance(share=0.01, number=100, file=tmp_path / "unreadable.txt")
    counting = Unreadable(lambda index: f"image{index}.png", tolerance.check)
    trainer: Any = SimpleNamespace(world_size=1)

    def batch(*indices: int) -> None:
        counting.on_train_batch_end(trainer, None, None, {"unreadable": torch.tensor(indices)}, 0)  # type: ignore[arg-type]

    batch(-1, 0, 0)
    batch(0, -1)
    assert capsys.readouterr().out.count("image0.png") == 1
    with pytest.raises(
        ValueError, match=r"2 of 100 images can't be read, above data.max_unreadable 0.01: image0.png, image9.png"
    ):
        batch(9)


def state_on_a_rank(rank: int, folder: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    counting = Unreadable(lambda index: f"image{index}.png", check=lambda names: None)
    counting.indices = {rank, 7}
    Path(folder, str(rank)).write_text(str(counting.state_dict()["found"]))
    torch.distributed.destroy_process_group()


def test_a_checkpoint_has_what_every_rank_found(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(state_on_a_rank, (str(tmp_path),), nprocs=2)
    assert [(tmp_path / str(rank)).read_text() for rank in range(2)] == ["[0, 1, 7]"] * 2


def test_one_rank_says_where_a_signal_stopped_all(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for rank in (1, 0):
        strategy = SimpleNamespace(reduce_boolean_decision=lambda own, all: own)
        trainer: Any = SimpleNamespace(
            global_step=4, is_global_zero=not rank, strategy=strategy, save_checkpoint=lambda file: None
        )
        preemption = Preemption(tmp_path, 75)
        preemption.is_global_zero = trainer.is_global_zero
        preemption.signalled = True
        with pytest.raises(Preempted):
            preemption.on_train_batch_end(trainer, None, None, None, 0)  # type: ignore[arg-type]
        assert ("stopped by a signal at update 4" in capsys.readouterr().out) is (rank == 0)


def test_the_start_says_what_is_trained_and_what_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    """Each network on a line, those without parameters left out, and on one rank."""
    module: Any = torch.nn.Module()
    module.network, module.ema = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2).requires_grad_(False)
    module.partly, module.metric = torch.nn.Linear(2, 2), torch.nn.Identity()
    module.partly.bias.requires_grad_(False)
    module.frozen = {"teacher": torch.nn.Linear(2, 1).requires_grad_(False)}
    for rank in (1, 0):
        StartTable().on_fit_start(SimpleNamespace(is_global_zero=rank == 0), module)  # type: ignore[arg-type]
    lines = [line.rpartition("parameters")[0].split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["network", "trained", "6"], ["ema", "frozen", "6"], ["partly", "partly", "trained", "6"],
        ["teacher", "frozen", "3"],
    ]  # fmt: skip


@pytest.mark.parametrize("newest", [None, "step=00000007.ckpt"])
def test_what_a_training_leaves_that_ended_with_numbers_that_are_not_finite(newest: str | None, tmp_path: Path) -> None:
    """Its last batch, its terms, and the checkpoint that is still good; other ends leave nothing."""
    dump = NonFiniteDump(tmp_path, ArithmeticError, lambda: None if newest is None else tmp_path / newest)
    trainer: Any = SimpleNamespace(global_step=9, global_rank=1)
    module: Any = SimpleNamespace(terms={"train/loss": torch.tensor(torch.nan)})
    dump.on_train_batch_start(trainer, module, {"position": torch.tensor([4, 2])}, 0)
    dump.on_exception(trainer, module, KeyError())
    assert not list(tmp_path.iterdir())
    dump.on_exception(trainer, module, ArithmeticError())
    assert json.loads((tmp_path / "non_finite-1.json").read_text()) == {
        "update": 9, "positions": [4, 2], "terms": {"train/loss": "nan"}, "last_checkpoint": newest,
    }  # fmt: skip


def test_usage_watch_warns_after_its_patience(capsys: pytest.CaptureFixture[str]) -> None:
    watch = UsageWatch(floor=0.5, patience=2, advice="turn this")
    trainer = SimpleNamespace(is_global_zero=True, callback_metrics={"train/usage": 0.9, "train/usage/1": 0.1})
    watch.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert not capsys.readouterr().out
    resumed = UsageWatch(floor=0.5, patience=2, advice="turn this")
    resumed.load_state_dict(watch.state_dict())
    resumed.on_validation_end(trainer, None)  # type: ignore[arg-type]
    said = capsys.readouterr().out
    assert "train/usage/1 is 10.0%" in said and "turn this" in said and said.count("warning") == 1
    resumed.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert not capsys.readouterr().out, "not again at once"
    impatient = UsageWatch(floor=0.5, patience=1, advice="turn this")
    impatient.load_state_dict({"low": {"train/usage/1": 3}})  # of a run that had more patience
    impatient.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert "below 50% at 4 validations" in capsys.readouterr().out


def test_ranks_ask_each_other_in_no_validation_but_one_of_a_training() -> None:
    """Behind the training nobody is told anything any more, and ranks may have other numbers of batches."""
    preemption = Preemption(Path("none"), 75)

    def asked(*_: Any, **__: Any) -> bool:
        raise AssertionError("asked the other ranks")

    strategy = SimpleNamespace(reduce=lambda value, reduce_op: value, reduce_boolean_decision=asked)
    trainer: Any = SimpleNamespace(num_val_batches=[3], strategy=strategy, global_step=1)
    module: Any = SimpleNamespace(device="cpu")
    preemption.on_validation_start(trainer, module)
    preemption.on_validation_batch_end(trainer, module, None, None, 0)
    preemption._former_handlers = {15: None}  # as a training leaves it
    preemption.on_validation_start(trainer, module)
    with pytest.raises(AssertionError, match="asked the other ranks"):
        preemption.on_validation_batch_end(trainer, module, None, None, 2)
    preemption.on_validation_batch_end(trainer, module, None, None, 3)
