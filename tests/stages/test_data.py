"""Stage data on sources that it unpacks."""

from pathlib import Path

from conftest import run_stage_here
from parquet_support import png
from pyarrow import parquet, table

from datamodules.index import ImageIndex
from pipeline.graph import Recipe
from pipeline.store import Store
from stages.results.published import open_index


def built(recipe: Path, runs: Path, column: str) -> ImageIndex:
    words = [f"source.image_column={column}"]
    run_stage_here("data", recipe, runs, *words)
    artifact = Recipe(recipe, [f"data.{word}" for word in words]).status(Store(runs))["data"].artifact
    assert artifact
    return open_index(artifact)


def test_other_columns_of_the_same_files_are_other_images(tmp_path: Path) -> None:
    """Both are unpacked, each to a folder of its own."""
    (tmp_path / "files").mkdir()
    columns = {"front": [png(number) for number in range(40)], "back": [png(200)] * 40}
    parquet.write_table(table(columns), tmp_path / "files" / "x.parquet")
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "pipeline.yaml").write_text("stages: {data: }\n")
    (recipe / "data.yaml").write_text("source: {kind: parquet, root: ../files}\nimage_size: 8\n")
    for column, expected in (("front", set(range(40))), ("back", {200})):
        index = built(recipe, tmp_path / "runs", column)
        assert {index.picture(number).getpixel((0, 0))[0] for number in range(40)} == expected
