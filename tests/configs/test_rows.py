"""docs/rows.csv: each row of the papers' tables that this project covers builds, with the numbers that it states.

``overrides`` are separated by ``|``; ``note`` says how a row differs from what the paper did.
"""

import csv
import re
from pathlib import Path

import pytest

from configs.schema.contradictions import num_books
from pipeline.graph import Recipe
from stages.commands.params import parameter_counts, quantizer_of

PROJECT = Path(__file__).resolve().parents[2]
with (PROJECT / "docs" / "rows.csv").open(newline="") as stream:
    ROWS = list(csv.DictReader(stream))


@pytest.mark.parametrize("row", ROWS, ids=[f"{r['paper']}-{r['table']}-{r['row']}" for r in ROWS])
def test_row_builds_with_the_numbers_it_states(row: dict[str, str]) -> None:
    recipe = Recipe(PROJECT / "configs" / row["recipe"], [text for text in row["overrides"].split("|") if text])
    config, image_size = recipe.nodes["tokenizer"].config, recipe.nodes["data"].config.image_size
    quantizer = quantizer_of(recipe)
    positions = (image_size // config.autoencoder.factor) ** 2
    assert (quantizer.num_books, quantizer.num_codes, positions) == tuple(
        int(row[name]) for name in ("books", "codes", "positions")
    )
    assert num_books(config) == quantizer.num_books
    counts = parameter_counts(recipe)
    assert counts["tokenizer"]["total"] > 50e6 and counts["ar_prior"]["total"] > 100e6
    for stage, column in (("tokenizer", "tokenizer_m"), ("ar_prior", "prior_m")):
        if row[column]:  # millions, as the papers print them
            assert counts[stage]["total"] / 1e6 == pytest.approx(float(row[column]), rel=0.004)
    assert row["expected"]


def test_rows_name_each_method() -> None:
    """Every recipe under imagenet256 and ffhq256 serves at least one row."""
    named = {row["recipe"] for row in ROWS}
    found = {f"{data}/{path.parent.name}" for data in ("imagenet256", "ffhq256")
             for path in (PROJECT / "configs" / data).glob("*/pipeline.yaml")}  # fmt: skip
    assert found <= named, f"no row names {sorted(found - named)}"


def figures(expected: str) -> dict[str, float]:
    """Returns the figures of ``rFID 1.66; PSNR 21.62`` by name."""
    found = (re.fullmatch(r"(.+) ([\d.]+)(?: %)?", part) for part in expected.split("; "))
    return {match[1]: float(match[2]) for match in found if match}


def test_rows_of_one_recipe_with_unlike_figures_say_why() -> None:
    """Rows that train the same thing can't all come out as they state, unless a note explains it."""
    first: dict[tuple[str, str, str], float] = {}
    for row in ROWS:
        for name, value in figures(row["expected"]).items():
            stated = first.setdefault((row["recipe"], row["overrides"], name), value)
            assert stated == value or row["note"], f"{row['row']}: {name} {value}, elsewhere {stated}"
