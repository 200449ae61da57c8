"""The README's snippet and commands of the library, as they stand there."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import PROJECT
from PIL import Image
from safetensors.torch import save_file
from tests_support import write_images, write_inception

from datamodules.split import split_by_group
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from smalti.commands import main
from smalti.config.features import InceptionConfig

README = (PROJECT / "README.md").read_text()


@pytest.fixture
def folder(smoke: dict[str, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the recipe's runs and a photograph."""
    (tmp_path / "runs").symlink_to(smoke["decoder"].path.parents[2])
    (tmp_path / "photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    for file in ("cat.png", "photos/dog.png"):
        Image.fromarray(pixels).save(tmp_path / file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def with_keys(text: str, smoke: dict[str, Artifact]) -> str:
    """Returns ``text`` with the key of the stage in each path in the place of KEY."""
    return re.sub(r"artifacts/(\w+)/KEY", lambda match: f"artifacts/{match[1]}/{smoke[match[1]].key}", text)


def test_the_recipe_for_own_images(tmp_path: Path) -> None:
    """As it stands there, but for the two places."""
    text = re.search(r"`my_recipe/pipeline.yaml`:\n\n```yaml\n(.*?)```", README, re.DOTALL)
    assert text
    write_images(tmp_path / "images", {"cat": 3, "dog": 3})
    written = text[1].replace("../configs/quickstart", str(PROJECT / "configs" / "quickstart"))
    written = written.replace("~/my/images", str(tmp_path / "images"))
    (tmp_path / "pipeline.yaml").write_text(written)
    status = Recipe(tmp_path / "pipeline.yaml").status(Store(tmp_path / "runs"))
    assert status["data"].state == "ready" and list(status) == list(Recipe(PROJECT / "configs" / "quickstart").nodes)


def test_the_recipe_of_photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's line cuts squares where the recipe looks for them, and those of one picture stay together."""
    recipe = PROJECT / "configs" / "photos"
    (command,) = re.findall(r"(?m)^smalti (crop .*)$", README)
    words = shlex.split(command)
    for number in range(9):
        file = tmp_path / words[1] / f"picture{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (200, 140), (20 * number, 0, 0)).save(file)
    monkeypatch.chdir(tmp_path)
    assert main([*words, "--number", "4"]) == 0
    squares = Path(words[words.index("--out") + 1])
    text = (recipe / "pipeline.yaml").read_text()
    assert f"root: ../../{squares}}}" in text and f"#   smalti {command}\n" in text
    node = Recipe(recipe, [f"data.source.root={tmp_path / squares}"]).nodes["data"]
    names = [str(file.relative_to(squares)) for file in sorted(squares.rglob("*.png"))]
    assert len(names) == 36
    val = split_by_group(names, node.config.val_fraction, node.config.group, node.config.seed)
    assert {tuple(part) for part in val.reshape(9, 4).tolist()} == {(0, 0, 0, 0), (1, 1, 1, 1)}


def test_snippet_and_commands_of_the_library(
    folder: Path, smoke: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    snippet = re.search(r"```python\n(import smalti.*?)```", README, re.DOTALL)
    assert snippet
    made: dict[str, object] = {}
    exec(with_keys(snippet[1], smoke), made)
    assert getattr(made["images"], "shape", None) == (2, 3, 64, 64)
    names = sorted(path.name for path in (folder / "my_tokenizer").iterdir())
    assert names == ["README.md", "config.json", "model.safetensors"]
    save_file(torch.load(write_inception(folder / "inception.pth")), folder / InceptionConfig.weights)
    monkeypatch.setenv("SMALTI_WEIGHTS", str(folder))
    commands = re.findall(r"(?m)^smalti (.*?)(?:  #.*)?$", README)
    used = {"show", "encode", "decode", "generate", "evaluate", "crop", "import", "export", "push", "demo"}
    assert {command.split()[0] for command in commands} == used
    for command in commands:
        if command.startswith(("crop", "import", "push", "demo")):  # each has a test of its own
            continue
        if command.startswith(("decode", "generate")) and (folder / "images").exists():
            (folder / "images").rename(folder / "before")
        assert main(shlex.split(with_keys(command, smoke))) == 0, command
    assert len(list((folder / "images").glob("*-flags.png"))) == 8
    assert json.loads((folder / "scores.json").read_text())["samples"]["number"] == 54
