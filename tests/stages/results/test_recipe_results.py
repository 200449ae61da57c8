"""The results of recipes, looked up."""

from pathlib import Path

from stages.results.recipe_results import names_of


def test_names_tell_recipes_apart(tmp_path: Path) -> None:
    assert names_of([tmp_path / "a" / "x", tmp_path / "b" / "x"]) == ["a/x", "b/x"]
    assert names_of([tmp_path / "a" / "x", tmp_path / "a" / "y"]) == ["x", "y"]
