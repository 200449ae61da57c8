"""Parameter counts of recipes with inputs from other recipes, and with trainings of which nothing is known."""

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
    assert not_counted(recipe, {}).endswith("not counted, since it has no stage data of its own: tokenizer")


def test_a_training_of_which_nothing_is_known_is_named() -> None:
    """Such as that of a stage which somebody added."""
    recipe = Recipe(SMOKE)
    counts = parameter_counts(recipe)
    assert not_counted(recipe, counts) == ""
    del counts["decoder"], counts["nar_prior"]
    assert not_counted(recipe, counts).endswith("since their networks are unknown here: decoder, nar_prior")


def test_centres_of_another_recipe_are_counted(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(
        f"base: {SMOKE}\nstages:\n  data:\n  tokenizer: {{data: data, codebook: '{SMOKE}:codebook'}}\n"
    )
    assert parameter_counts(Recipe(tmp_path))["tokenizer"] == parameter_counts(Recipe(SMOKE))["tokenizer"]
