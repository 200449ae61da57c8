"""Inputs from other recipes that don't fit each other are refused by name."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import SMOKE, run_stage_here
from tests_support import say_otherwise, write_images

from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from stages.results.sampling import common_classes


def recipe_beside(smoke: dict[str, Artifact], folder: Path, stage: str, inputs: list[str], size: int = 64) -> Path:
    """Writes a recipe with images of two classes and one stage of configs/smoke, whose ``inputs`` (NAME or NAME=STAGE)
    are results of smoke; a tokenizer learns its codebook."""
    write_images(folder / "images", {"cat": 12, "dog": 12})
    recipe = folder / "recipe"
    recipe.mkdir()
    (recipe / "data.yaml").write_text(
        f"source: {{kind: class_folders, root: ../images}}\nimage_size: {size}\nval_fraction: 0.2\n"
    )
    text = (SMOKE / f"{stage}.yaml").read_text()
    (recipe / f"{stage}.yaml").write_text(re.sub("quantizer: .*", "quantizer: {kind: learned, num_codes: 64}", text))
    given = [f"{name.partition('=')[0]}: {smoke[name.partition('=')[2] or name].path}" for name in inputs]
    (recipe / "pipeline.yaml").write_text(
        f"# for a test\nstages:\n  data:\n  {stage}: {{data: data, {', '.join(given)}}}\n"
    )
    return recipe


@pytest.mark.parametrize(
    ("stage", "inputs", "size", "expected"),
    [
        ("token_shards", ["tokenizer"], 32, "the images are 32 px"),
        ("decoder", ["tokenizer"], 32, "the images are 32 px"),
        ("scores", ["tokenizer"], 32, "the images are 32 px"),
        ("scores", ["tokenizer", "samples"], 64, "samples of 9 classes"),
        ("tokenizer", ["init_from=tokenizer"], 64, "was trained with codebook"),
    ],
)
def test_inputs_that_do_not_fit_are_named(
    stage: str, inputs: list[str], size: int, expected: str, smoke: dict[str, Artifact],
    tmp_path: Path,
) -> None:  # fmt: skip
    recipe = recipe_beside(smoke, tmp_path, stage, inputs, size)
    run_stage_here("data", recipe, tmp_path / "runs")
    with pytest.raises(ValueError, match=expected):
        run_stage_here(stage, recipe, tmp_path / "runs")


@pytest.mark.parametrize(
    ("stage", "of_other"),
    [("report", "scores"), ("report", "token_shards"), ("samples", "ar_prior"), ("scores", "samples")],
)
def test_results_of_different_tokenizers_are_not_put_together(
    stage: str, of_other: str, smoke: dict[str, Artifact], smoke_runs: Path, tmp_path: Path
) -> None:
    """Each of them is whole; the table would show one tokenizer's images beside another's figures."""
    other = Artifact(shutil.copytree(smoke[of_other].path, tmp_path / "other"))
    tokenizer = other.manifest["inputs"]["tokenizer"]
    say_otherwise(other.path / "manifest.json", tokenizer["digest"], "0" * 64)
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    inputs = Recipe(SMOKE).nodes[stage].inputs
    given = ", ".join(f"{name}: {other.path if name == of_other else smoke[name].path}" for name in inputs)
    (recipe / "pipeline.yaml").write_text(f"base: {SMOKE}\nstages:\n  {stage}: {{{given}}}\n")
    status = Recipe(recipe).status(Store(tmp_path / "runs"))[stage]
    assert status.state == "blocked"
    assert re.fullmatch(
        rf"{of_other} {other.path} was made from tokenizer \w+, not from {smoke['tokenizer'].path}; name results that "
        rf"belong together, or build {of_other} again", status.reason,
    )  # fmt: skip
    with pytest.raises(ValueError, match="was made from tokenizer"):
        run_stage_here(stage, recipe, tmp_path / "runs")


def test_priors_of_different_classes_are_not_sampled_together(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(1))
    priors = {}
    for name, classes in (("ar", ["cat", "dog"]), ("nar", ["cat", "fox"]), ("same", ["cat", "dog"])):
        Store(tmp_path).work(f"{name}_prior", "0").mkdir(parents=True)
        priors[name] = Store(tmp_path).publish(
            f"{name}_prior", "0", files={"a.npy": tmp_path / "a.npy"}, records={}, identity={}, made_by={},
            facts={"class_names": classes},
        )  # fmt: skip
    assert common_classes([priors["ar"], priors["same"]]) == ["cat", "dog"]
    with pytest.raises(ValueError, match="nar_prior was trained with 2 classes, ar_prior with 2 or with other ones"):
        common_classes([priors["ar"], priors["nar"]])
