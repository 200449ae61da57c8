"""``make weights``: what it keeps, and when it fetches nothing. Fetching itself needs a network, and isn't tested."""

import json
import sys
from pathlib import Path

import pytest
from conftest import PROJECT
from safetensors.torch import save_file
from torch import ones

from pipeline.graph import Recipe
from smalti.config.classifier import MaeConfig
from smalti.config.parsing import ConfigError
from stages.commands import fetch_weights


def run(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["fetch_weights.py", str(recipe)])
    return fetch_weights.main()


def test_offline_forbids_fetching_and_names_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, recipe = tmp_path / "weights", tmp_path / "recipe"
    monkeypatch.setenv("SMALTI_WEIGHTS", str(folder))
    recipe.mkdir()
    base = PROJECT / "configs" / "imagenet256" / "seqgan"
    (recipe / "pipeline.yaml").write_text(f"base: {base}\noffline: true\n")
    assert Recipe(recipe).offline and not Recipe(base).offline
    assert run(recipe, monkeypatch) == 1
    error = capsys.readouterr().err
    assert "offline: true" in error and str(folder / "vgg16.safetensors") in error
    assert not folder.exists()

    folder.mkdir()
    names = {name for node in Recipe(recipe).nodes.values() for name in fetch_weights.named_weights(node.config)}
    for name in names:
        save_file({"a": ones(1)}, folder / name)
    (folder / "weights.json").write_text(json.dumps({"vgg16.safetensors": {"sha256": "abc"}}))
    assert run(recipe, monkeypatch) == 0
    printed = capsys.readouterr().out
    assert all(str(folder / name) in printed for name in names) and "vgg16.safetensors: abc" in printed


def test_offline_is_true_or_false(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(f"base: {PROJECT / 'configs' / 'smoke'}\noffline: perhaps\n")
    with pytest.raises(ConfigError, match="offline: 'perhaps' given, expected true or false"):
        Recipe(tmp_path)


def test_weights_that_a_classifier_starts_from_are_named() -> None:
    node = Recipe(PROJECT / "configs" / "imagenet256" / "vqgan_lc_classifier").nodes["classifier"]
    assert fetch_weights.named_weights(node.config) == {"mae_vit_base.safetensors": MaeConfig()}
