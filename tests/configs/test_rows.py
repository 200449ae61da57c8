"""configs/rows: each row of the papers' tables that this project covers builds, with the numbers that it states."""

from pathlib import Path

import pytest

from configs.schema.contradictions import num_books
from pipeline.config import read_yaml
from pipeline.graph import Recipe
from pipeline.paper_table import Row
from pipeline.rows import find_rows
from stages.commands.params import parameter_counts, quantizer_of

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
ROWS = find_rows("")


def name_of(row: Row) -> str:
    return f"{row.paper}/{row.table}/{row.name}"


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_row_builds_with_the_numbers_it_states(row: Row) -> None:
    recipe, stated = Recipe(Path(f"row:{name_of(row)}")), row.config
    config, image_size = recipe.nodes["tokenizer"].config, recipe.nodes["data"].config.image_size
    quantizer = quantizer_of(recipe)
    positions = (image_size // config.autoencoder.factor) ** 2
    found = (quantizer.num_books, quantizer.num_codes, positions)
    assert found == (stated.books, stated.codes, stated.positions)
    assert num_books(config) == quantizer.num_books
    counts = parameter_counts(recipe)
    assert counts["tokenizer"]["total"] > 50e6
    assert counts.get("ar_prior", {"total": 0})["total"] > 100e6 or counts["classifier"]["total"] > 80e6
    for stage, millions in (("tokenizer", stated.tokenizer_m), ("ar_prior", stated.prior_m)):
        if millions is not None:  # as the papers print them
            assert counts[stage]["total"] / 1e6 == pytest.approx(millions, rel=0.004)


def test_rows_name_each_method() -> None:
    """Every recipe under imagenet256 and ffhq256 serves at least one row."""
    named = {row.config.recipe for row in ROWS}
    found = {f"{data}/{path.parent.name}" for data in ("imagenet256", "ffhq256")
             for path in (CONFIGS / data).glob("*/pipeline.yaml")}  # fmt: skip
    assert found <= named, f"no row names {sorted(found - named)}"


def test_rows_of_one_recipe_with_unlike_figures_say_why() -> None:
    """Rows that train the same thing can't all come out as they state, unless a note explains it."""
    first: dict[tuple[str, str, str], float] = {}
    for row in ROWS:
        changes = repr(sorted((change.stage, change.key, repr(change.value)) for change in row.changes))
        for name, value in row.config.expected.items():
            stated = first.setdefault((row.config.recipe, changes, name), value)
            assert stated == value or row.config.note, f"{row.name}: {name} {value}, elsewhere {stated}"


def test_shared_changes_are_used() -> None:
    for folder in (CONFIGS / "rows").iterdir():
        shared, used = set(), set()
        for file in folder.glob("*.yaml"):
            table = read_yaml(file)
            shared |= table.get("shared", {}).keys()
            for row in (table.get("each", {}), *table.get("rows", {}).values()):
                used |= set(row.get("uses", []))
        assert shared == used, f"{folder}: no row uses {sorted(shared - used)}"
