"""What cleaning would take, what it takes, and what it leaves."""

from pathlib import Path

import pytest
from conftest import SMOKE
from tests_support import with_inputs_of

from pipeline.clean import clean
from pipeline.graph import Recipe
from pipeline.store import Store


@pytest.fixture
def store(smoke_runs: Path, tmp_path: Path) -> Store:
    """A report of its own, and the other stages of smoke; work of two tokenizers, one of them smoke's."""
    store = Store(with_inputs_of(smoke_runs, "report", tmp_path / "runs"))
    key = Recipe(SMOKE).status(store)["report"].key
    assert key
    for name in (key, "f" * 16):
        work = store.work("report", name)
        work.mkdir(parents=True)
        (work / "page").write_text("x" * 10_000)
        store.publish(
            "report", name, files={"page": work / "page"}, records={}, identity={"inputs": {}, "config": {}}, facts={},
            made_by={},
        )  # fmt: skip
        (work / "step=1.ckpt").write_text("x" * 10_000)
    return store


def there(store: Store) -> list[str]:
    return sorted(f"{path.parts[-3]}/{path.name}" for kind in ("artifacts", "work")
                  for path in (store.root / kind / "report").iterdir())  # fmt: skip


def test_without_yes_nothing_is_changed(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    before = there(store)
    assert clean([Recipe(SMOKE)], store, unused=True, yes=False) == 0 and there(store) == before
    out = capsys.readouterr().out
    assert "result of report" in out and "unfinished work of report" in out and "add --yes to delete" in out


def test_unused_results_go_and_the_recipes_stay(store: Store) -> None:
    key = Recipe(SMOKE).status(store)["report"].key
    assert clean([Recipe(SMOKE)], store, unused=True, yes=True) == 0
    assert there(store) == [f"artifacts/{key}", f"work/{key}"]
    assert {status.state for status in Recipe(SMOKE).status(store).values()} == {"published"}


def test_a_recipes_own_results_go_but_not_while_somebody_is_at_work(store: Store, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    inputs = {name: status.artifact for name, status in Recipe(SMOKE).status(store).items() if status.artifact}
    needed = Recipe(SMOKE).nodes["report"].inputs
    given = ", ".join(f"{name}: {inputs[stage].path}" for name, stage in needed.items())
    (alone / "pipeline.yaml").write_text(f"base: {SMOKE}\nstages:\n  report: {{{given}}}\n")
    key = Recipe(alone).status(store)["report"].key
    assert key
    holder = store.lock("report", key)
    clean([Recipe(alone)], store, unused=False, yes=True)
    assert f"artifacts/{key}" in there(store)
    holder.close()
    clean([Recipe(alone)], store, unused=False, yes=True)
    assert there(store) == [f"artifacts/{'f' * 16}", f"work/{'f' * 16}"]
    assert Recipe(SMOKE).status(store)["scores"].state == "published", "what was read is another recipe's"
