"""Parameter counts of recipes whose inputs lie elsewhere."""

from pathlib import Path

from conftest import SMOKE

from pipeline.graph import Recipe
from stages.commands.params import not_counted, parameter_counts


def test_what_cannot_be_counted_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.yaml").write_text((SMOKE / "tokenizer.yaml").read_text())
    (tmp_path / "pipeline.yaml").write_text(
        f"stages:\n  tokenizer: {{data: '{SMOKE}:data', codebook: '{SMOKE}:codebook'}}\n"
    )
    recipe = Recipe(tmp_path)
    assert parameter_counts(recipe) == {}
    assert not_counted(recipe).endswith("not counted, since it has no stage data of its own: tokenizer")
    assert not not_counted(Recipe(SMOKE))


def test_centres_of_another_recipe_count(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(
        f"base: {SMOKE}\nstages:\n  data:\n  tokenizer: {{data: data, codebook: '{SMOKE}:codebook'}}\n"
    )
    assert parameter_counts(Recipe(tmp_path))["tokenizer"] == parameter_counts(Recipe(SMOKE))["tokenizer"]
