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
    assert all(parts["total"] > 80e6 for stage, parts in counts.items() if stage not in ("tokenizer", "decoder"))
    for stage, millions in (("tokenizer", stated.tokenizer_m), ("ar_prior", stated.prior_m)):
        if millions is not None:  # as the papers print them
            assert counts[stage]["total"] / 1e6 == pytest.approx(millions, rel=0.004)


def test_every_expected_figure_names_its_protocol() -> None:
    """Figures of unlike protocols aren't compared in silence. That a name is known is checked where a table is read."""
    for row in ROWS:
        unnamed = row.config.expected.keys() - row.config.protocols.keys()
        assert not unnamed, f"{name_of(row)}: no protocol of {sorted(unnamed)}; see configs/schema/protocols.py"


def test_figures_that_two_papers_print_of_one_tokenizer_name_one_protocol() -> None:
    """FQGAN's Table 1 copies VQGAN-LC's figures, and prints them beside its own of other protocols."""
    rows = {name_of(row): row.config for row in ROWS}
    copied, own = rows["FQGAN/1/VQGAN-LC, f 16"], rows["VQGAN-LC/2/VQGAN-LC, 100000"]
    for figure in copied.expected:
        assert (copied.expected[figure], copied.protocols[figure]) == (own.expected[figure], own.protocols[figure])
    assert rows["FQGAN/1/FQGAN-Dual, f 16"].protocols == {"rFID": "adm_val", "PSNR": "psnr_rgb"}


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
