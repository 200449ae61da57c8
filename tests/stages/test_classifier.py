"""Stage classifier: what it publishes on configs/smoke, and what it refuses."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SMOKE, run_stage_here
from tests_support import say_otherwise, with_inputs_of

from configs.schema.classifier import ClassifierConfig
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from smalti.classifiers.code_vit import code_vit
from smalti.config.parsing import parse
from stages.results.classifier_section import classifier_section
from stages.results.published import load_network, load_tokenizer
from stages.results.token_probe import drawn_rows

MAE = "network.pretrained={kind: mae, weights: mae.pth}"


def test_published_weights_have_the_published_accuracy(smoke: dict[str, Artifact]) -> None:
    """Read from the files alone: tokens, code vectors, network, argmax."""
    artifact, shards, tokenizer = smoke["classifier"], smoke["token_shards"], load_tokenizer(smoke["tokenizer"])
    config = parse(ClassifierConfig, artifact.config, "manifest", artifact.path)
    network = code_vit(config.network, 8, (8, 8), 9)
    load_network(network, artifact.file("classifier.safetensors"))
    tokens = torch.from_numpy(np.load(shards.file("val/tokens-00000.npy"))[:, 0].astype(np.int64)).unflatten(1, (8, 8))
    labels = np.load(shards.file("val/labels.npy"))
    with torch.no_grad():
        ranks = network.eval()(tokenizer.quantizer.decode(tokens)).argsort(1, descending=True).numpy()
    facts = artifact.facts
    assert facts["val_top1"] == pytest.approx(np.mean(ranks[:, 0] == labels), abs=1e-6)
    assert facts["val_top5"] == pytest.approx(np.mean((ranks[:, :5] == labels[:, None]).any(1)), abs=1e-6)
    train = np.bincount(np.load(shards.file("train/labels.npy")))
    assert facts["frequent"]["val_top1"] == pytest.approx(np.mean(labels == train.argmax()))
    assert facts["absent"] == {} and facts["num_val"] == 58 and facts["probe"]["num_train"] == train.sum() == 642
    assert facts["probe"]["val_top1"] > facts["frequent"]["val_top1"], "tokens say something of the class"


def test_the_report_shows_both_beside_chance(smoke: dict[str, Artifact]) -> None:
    page = smoke["report"].file("report.html").read_text()
    facts = smoke["classifier"].facts
    assert re.search(r'<h2 id="section-\d+">Classifier</h2>', page), "a table"
    assert "<h3>Classifier</h3>" in page, "curves"
    for share in (facts["val_top1"], facts["probe"]["val_top5"], 1 / 9, 5 / 9):
        assert f"<td>{share:.1%}</td>" in page


def test_an_absent_figure_has_its_reason(smoke: dict[str, Artifact], tmp_path: Path) -> None:
    folder = tmp_path / "classifier" / smoke["classifier"].key
    shutil.copytree(smoke["classifier"].path, folder)
    say_otherwise(folder / "manifest.json", '"absent": {}', '"absent": {"top5": "3 classes: always right"}')
    say_otherwise(folder / "manifest.json", '"val_top5"', '"unknown"')
    section = classifier_section(Artifact(folder))
    rows = {row[0]: row[1:] for row in section.tables[0][1]}
    assert rows["vision transformer"][1] == rows["linear probe"][1] == "absent"
    assert "Absent: top5: 3 classes: always right." in section.text


def test_a_probe_of_many_images_takes_some_by_the_seed() -> None:
    drawn = drawn_rows(1000, 100, 3)
    assert len(set(drawn.tolist())) == 100 and drawn.tolist() == sorted(drawn)
    assert drawn.tolist() == drawn_rows(1000, 100, 3).tolist() != drawn_rows(1000, 100, 4).tolist()
    assert drawn_rows(100, 100, 3).tolist() == list(range(100))


def foreign(folder: Path, smoke: dict[str, Artifact], old: str, new: str) -> Path:
    """Returns a recipe that trains the classifier on smoke's shards, whose manifest says ``new`` for ``old``."""
    shards = folder / "artifacts" / "token_shards" / smoke["token_shards"].key
    shutil.copytree(smoke["token_shards"].path, shards)
    say_otherwise(shards / "manifest.json", old, new)
    recipe = folder / "recipe"
    recipe.mkdir()
    (recipe / "classifier.yaml").write_text((SMOKE / "classifier.yaml").read_text())
    (recipe / "pipeline.yaml").write_text(
        f"stages:\n  classifier: {{token_shards: {shards}, tokenizer: {smoke['tokenizer'].path}}}\n"
    )
    return recipe


def test_shards_of_another_tokenizer_are_refused(smoke: dict[str, Artifact], tmp_path: Path) -> None:
    recipe = foreign(tmp_path, smoke, smoke["tokenizer"].digest, "0" * 64)
    with pytest.raises(ValueError, match=r"was made from tokenizer .*, not from"):
        run_stage_here("classifier", recipe, tmp_path)


def test_shards_without_classes_are_refused(smoke: dict[str, Artifact], tmp_path: Path) -> None:
    said = (smoke["token_shards"].path / "manifest.json").read_text()
    listed = '"class_names": [' + said.partition('"class_names": [')[2].partition("]")[0]
    recipe = foreign(tmp_path, smoke, listed, '"class_names": [')
    with pytest.raises(ValueError, match="images of 0 classes; a classifier needs at least 2"):
        run_stage_here("classifier", recipe, tmp_path)


def test_weights_of_another_width_are_refused_before_training(
    smoke_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path))
    state = {"cls_token": torch.zeros(1, 1, 64), "pos_embed": torch.zeros(1, 197, 64)}
    torch.save({"model": state}, tmp_path / "mae.pth")
    runs = with_inputs_of(smoke_runs, "classifier", tmp_path / "runs")
    with pytest.raises(ValueError, match=r"mae\.pth: 0 blocks of width 64, the classifier has 2 of width 32; name"):
        run_stage_here("classifier", SMOKE, runs, MAE)
    assert "update 4/20" not in capsys.readouterr().out


def test_weights_are_part_of_the_key(smoke_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path))
    recipe = Recipe(SMOKE, [f"classifier.{MAE}"])
    assert "mae.pth: no such file" in recipe.status(Store(smoke_runs))["classifier"].reason
    keys = set()
    for content in (b"1", b"22"):
        (tmp_path / "mae.pth").write_bytes(content)
        status = recipe.status(Store(smoke_runs))["classifier"]
        assert status.state == "ready" and status.identity
        keys.add(status.key)
    assert len(keys) == 2 and list(status.identity["weights"]) == ["mae.pth"]
