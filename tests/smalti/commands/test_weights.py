"""``smalti weights``: what it keeps, and what it writes of what it fetches. Fetching itself needs a network, and isn't
tested."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from torch import Tensor, ones, zeros

from smalti import fetching
from smalti.config.losses import LpipsConfig
from smalti.evaluation.networks import LPIPS, NETWORKS

Run = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def test_what_is_missing_is_fetched_and_noted(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[fetching.Source]()

    def fetch(source: fetching.Source) -> tuple[dict[str, Tensor], str, str]:
        asked.append(source)
        return {"a": zeros(2, 3).T}, "somebody", "MIT"

    monkeypatch.setattr(fetching, "fetch", fetch)
    folder.mkdir()
    save_file({"a": ones(1)}, folder / LpipsConfig().weights)
    said = run("weights").splitlines()
    assert asked == [*(NETWORKS[name].config for name in ("inception", "dinov2", "clip")), LPIPS[1]]
    ledger = json.loads((folder / "weights.json").read_text())
    for source, line in zip(asked[:3], said, strict=False):
        file = folder / source.weights
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        assert ledger[source.weights] == {"sha256": sha256, "source": "somebody", "licence": "MIT"}
        assert line == f"{file}: {sha256}" and load_file(file)["a"].shape == (3, 2)
    assert said[3] == f"{folder / LpipsConfig().weights}: there already" and LpipsConfig().weights not in ledger
    assert len(said) == 5 and len(list(folder.iterdir())) == 6
    assert run("weights", "clip").splitlines() == [said[2]] and len(asked) == 4


def test_a_failure_is_one_line_and_leaves_no_file(folder: Path, refusal: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(source: fetching.Source) -> tuple[dict[str, Tensor], str, str]:
        raise OSError("nobody answers")

    monkeypatch.setattr(fetching, "fetch", fetch)
    assert refusal("weights", "inception") == "nobody answers" and not list(folder.iterdir())
    assert "unknown network 'incepton'; did you mean 'inception'?" in refusal("weights", "incepton")
    assert "unknown network 'lite2'" in refusal("weights", "lite2")
