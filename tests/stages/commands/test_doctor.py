"""What the doctor finds before a run."""

from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE

from pipeline.graph import Recipe
from pipeline.store import Store
from stages.commands.doctor import devices, one_update, space, told, versions, weights


def test_a_missing_weights_file_is_wrong_and_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path))
    found = list(weights(Recipe(PROJECT / "configs" / "imagenet256" / "seqgan")))
    assert any(not good and "no such file; fetch it with 'make weights RECIPE=" in text for good, text in found)
    assert all(good for good, _ in weights(Recipe(SMOKE)))


def test_weights_that_changed_since_they_were_fetched_are_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path))
    (tmp_path / "vgg16.safetensors").write_bytes(b"something")
    (tmp_path / "weights.json").write_text('{"vgg16.safetensors": {"sha256": "0123456789abcdef0123"}}')
    recipe = Recipe(PROJECT / "configs" / "imagenet256" / "seqgan")
    found = [text for good, text in weights(recipe) if not good]
    assert any("fetched as 0123456789abcdef: fetch it again" in text for text in found)


def test_a_folder_that_cannot_be_written_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert [good for good, _ in space(Recipe(SMOKE), Store(tmp_path / "file"))] == [False]
    assert [good for good, _ in space(Recipe(SMOKE), Store(tmp_path / "runs"))] == [True]


def test_versions_and_devices_are_told() -> None:
    assert all(good for good, _ in versions())
    told = [text for _, text in devices(Recipe(SMOKE, ["tokenizer.runtime.devices=2"]))]
    assert "tokenizer wants 1 nodes of 2 devices" in told


def test_one_real_update_where_inputs_are_published(smoke_runs: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    (runs / "artifacts").mkdir(parents=True)
    for stage in ("data", "codebook", "tokenizer", "token_shards"):
        (runs / "artifacts" / stage).symlink_to(smoke_runs / "artifacts" / stage)
    (runs / "data").symlink_to(smoke_runs / "data")
    recipe = Recipe(SMOKE, ["codebook.num_codes=32"])  # nothing is published behind another codebook
    assert [text for _, text in one_update(recipe, Store(runs), ["codebook.num_codes=32"])] == [
        "tokenizer: not tried, it waits for codebook", "decoder: not tried, it waits for tokenizer",
        "ar_prior: not tried, it waits for token_shards", "nar_prior: not tried, it waits for token_shards",
    ]  # fmt: skip
    found = {text.partition(":")[0]: (good, text) for good, text in one_update(Recipe(SMOKE), Store(runs), [])}
    good, text = found["nar_prior"]
    assert good and "one update and one validation" in text, text
    assert not list(runs.glob(".doctor.*"))


def test_cpu_devices_need_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    asked = ["tokenizer.runtime.devices=2", "tokenizer.runtime.accelerator=cpu"]
    assert all(good for good, _ in devices(Recipe(SMOKE, asked)))
    assert not all(good for good, _ in devices(Recipe(SMOKE, asked[:1])))


def test_a_damaged_result_is_a_finding(tmp_path: Path) -> None:
    recipe, store = Recipe(SMOKE), Store(tmp_path)
    key = recipe.status(store)["data"].key
    assert key
    store.path("data", key).mkdir(parents=True)
    (store.path("data", key) / "manifest.json").write_text("{")
    for part in (space(recipe, store), one_update(recipe, store, [])):
        good, text = list(told(part))[-1]
        assert good is False and "manifest.json: not a readable manifest" in text


def test_a_training_on_several_nodes_is_a_finding(smoke_runs: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.yaml").write_text((SMOKE / "tokenizer.yaml").read_text())
    (tmp_path / "pipeline.yaml").write_text(
        f"stages:\n  tokenizer: {{data: '{SMOKE}:data', codebook: '{SMOKE}:codebook'}}\n"
        "set: [tokenizer.runtime.num_nodes=2]\n"
    )
    [(good, text)] = one_update(Recipe(tmp_path), Store(smoke_runs), [])
    assert good is False and "num_nodes 2: this command starts processes on one node" in text
