"""Recipes, states and keys, without torch."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from tests_support import write_recipe

from pipeline.graph import Recipe
from pipeline.listing import hash_listing
from pipeline.store import Store
from smalti.artifact import Artifact
from smalti.config.parsing import ConfigError

SMOKE = Path(__file__).resolve().parents[2] / "configs" / "smoke"


def test_cycle_unknown_stage_and_input_are_named(tmp_path: Path) -> None:
    for text, expected in [
        ("stages:\n  data:\n  tokenzer: {data: data}\n", "unknown stage 'tokenzer'; did you mean 'tokenizer'?"),
        ("stages:\n  data:\n  codebook: {dat: data}\n", "codebook: unknown input 'dat'; did you mean 'data'?"),
        ("stages:\n  data:\n  codebook:\n", "codebook: input 'data' is missing"),
        ("stages:\n  data:\n  codebook: {data: dta}\n", "codebook.data: unknown stage 'dta'; did you mean 'data'?"),
        ("stages:\n  data:\n  tokenizer: {data: data, init_from: tokenizer}\n", "stages wait for each other"),
        ("stages:\n  data:\n  tokenizer: {data: data}\n  decoder: {data: data, tokenizer: data}\n",
         "decoder.tokenizer: a result of stage data given, expected one of tokenizer"),
        ("stages:\n  data:\n  tokenizer: {data: data, init_from: '../other:decoder'}\n",
         "tokenizer.init_from: a result of stage decoder given, expected one of tokenizer"),
        ("stages:\n  codebook: {data: 3}\n", "codebook: 3 given, expected a stage, recipe:stage or a path"),
    ]:  # fmt: skip
        (tmp_path / "pipeline.yaml").write_text(text)
        with pytest.raises(ConfigError) as caught:
            Recipe(tmp_path)
        assert expected in str(caught.value)


def test_only_the_first_stage_is_ready_at_first(tmp_path: Path) -> None:
    found = Recipe(SMOKE).status(Store(tmp_path))
    assert found["data"].state == "ready"
    assert {status.state for name, status in found.items() if name != "data"} == {"waits"}
    assert found["codebook"].reason == "waits for data"


def test_touching_one_config_rebuilds_exactly_its_descendants(smoke_runs: Path) -> None:
    store = Store(smoke_runs)
    assert {status.state for status in Recipe(SMOKE).status(store).values()} == {"published"}
    changed = Recipe(SMOKE, ["nar_prior.label_dropout=0.2"]).status(store)
    states = {name: status.state for name, status in changed.items()}
    assert states["nar_prior"] == "ready"
    waiting = [name for name, state in states.items() if state == "waits"]
    assert waiting == ["sweep", "samples", "scores", "views", "report"]
    runtime = Recipe(SMOKE, ["tokenizer.runtime.log_every=7"]).status(store)
    assert {status.state for status in runtime.values()} == {"published"}


def test_added_image_changes_the_key(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, {"cat": 3, "dog": 3})
    before = Recipe(recipe).status(Store(tmp_path / "runs"))["data"].key
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "cat" / "new.png")
    hash_listing.cache_clear()  # a new process, as far as the listing goes
    after = Recipe(recipe).status(Store(tmp_path / "runs"))["data"].key
    assert before != after


def test_another_recipes_stage_and_a_path_can_be_inputs(smoke_runs: Path, tmp_path: Path) -> None:
    store = Store(smoke_runs)
    published = Recipe(SMOKE).status(store)
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    path = published["data"].artifact
    assert isinstance(path, Artifact)
    (recipe / "pipeline.yaml").write_text(
        f"# two ways to name a result\nstages:\n  token_shards: {{data: {path.path}, tokenizer: '{SMOKE}:tokenizer'}}\n"
    )
    (recipe / "token_shards.yaml").write_text((SMOKE / "token_shards.yaml").read_text())
    found = Recipe(recipe).status(store)["token_shards"]
    assert found.key == published["token_shards"].key and found.state == "published"


def test_planning_needs_no_torch() -> None:
    code = (
        "import sys, pipeline.__main__, pipeline.lightning_run, pipeline.job; "
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_artefact_of_another_stage_is_refused_by_name(smoke: dict[str, Artifact], tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(f"stages:\n  codebook: {{data: {smoke['tokenizer'].path}}}\n")
    (tmp_path / "codebook.yaml").write_text((SMOKE / "codebook.yaml").read_text())
    with pytest.raises(ConfigError, match=r"codebook\.data: a result of stage tokenizer given, expected one of data"):
        Recipe(tmp_path).status(Store(tmp_path / "runs"))


def test_a_path_starts_from_the_recipe_that_wrote_it(tmp_path: Path) -> None:
    """The stages and data.yaml of a base two folders up, changed by two recipes at other depths."""
    base, middle, derived = tmp_path / "base", tmp_path / "a" / "middle", tmp_path / "a" / "b" / "derived"
    for folder in (base, middle, derived):
        folder.mkdir(parents=True)
    (base / "pipeline.yaml").write_text(
        "stages:\n  data:\n  codebook: {data: '../other:data'}\n  token_shards: {data: data, tokenizer: runs/one}\n"
    )
    (base / "data.yaml").write_text(
        "source: {kind: list_file, root: images, list: names.txt}\nimage_size: 64\nval_fraction: 0.2\n"
    )
    for stage in ("codebook", "token_shards"):
        (base / f"{stage}.yaml").write_text((SMOKE / f"{stage}.yaml").read_text())
    (middle / "pipeline.yaml").write_text("base: ../../base\nset: [data.source.root=images]\n")
    (derived / "pipeline.yaml").write_text("base: ../../middle\nset: [data.source.list=../names.txt]\n")

    for folder, root, names in [
        (base, base / "images", base / "names.txt"),
        (middle, middle / "images", base / "names.txt"),
        (derived, middle / "images", tmp_path / "a" / "b" / "names.txt"),
    ]:
        nodes = Recipe(folder).nodes
        assert nodes["data"].config.source.root == str(root)
        assert nodes["data"].config.source.list == str(names)
        assert nodes["codebook"].inputs == {"data": f"{tmp_path / 'other'}:data"}
        assert nodes["token_shards"].inputs == {"data": "data", "tokenizer": str(base / "runs" / "one")}
    whole = "data.source={kind: flat_folder, root: pictures}"
    assert Recipe(derived, [whole]).nodes["data"].config.source.root == str(derived / "pictures")
