"""What doctor finds before a run."""

import argparse
from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE

from pipeline.graph import Recipe
from pipeline.listing import hash_listing
from pipeline.store import Store
from smalti.artifact import Artifact
from stages.commands import doctor
from stages.commands.doctor import (
    check_data,
    check_devices,
    check_space,
    check_versions,
    check_weights,
    to_the_end,
    try_trainings,
)


def test_a_missing_weights_file_is_wrong_and_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path))
    findings = list(check_weights(Recipe(PROJECT / "configs" / "imagenet256" / "seqgan")))
    assert any(not good and "no such file; fetch it with 'make weights RECIPE=" in text for good, text in findings)
    assert all(good for good, _ in check_weights(Recipe(SMOKE)))


def test_weights_that_changed_since_they_were_fetched_are_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path))
    (tmp_path / "vgg16.safetensors").write_bytes(b"something")
    (tmp_path / "weights.json").write_text('{"vgg16.safetensors": {"sha256": "0123456789abcdef0123"}}')
    recipe = Recipe(PROJECT / "configs" / "imagenet256" / "seqgan")
    problems = [text for good, text in check_weights(recipe) if not good]
    assert any("fetched as 0123456789abcdef: fetch it again" in text for text in problems)


def test_images_and_lists_that_are_not_there_are_wrong(tmp_path: Path) -> None:
    """As the recipes of FFHQ would say it: first of the images, then of the list of val images."""
    images = tmp_path / "images"
    (tmp_path / "data.yaml").write_text(
        "source: {kind: flat_folder, root: images, val_list: val.txt}\nimage_size: 64\nnum_classes: 0\n"
    )
    (tmp_path / "pipeline.yaml").write_text("stages:\n  data:\n")
    assert list(check_data(Recipe(SMOKE))) == [(True, "data of kind embedded")]
    for number, said in enumerate([f"data root {images}: no such folder", f"val list {tmp_path / 'val.txt'}: no such"]):
        hash_listing.cache_clear()
        [(good, text)] = check_data(Recipe(tmp_path))
        assert not good and text.startswith(said) and "\n" not in text, number
        images.mkdir(exist_ok=True)
        (images / "0.png").touch()
    hash_listing.cache_clear()
    (tmp_path / "val.txt").write_text("0.png\n")
    assert list(check_data(Recipe(tmp_path))) == [(True, f"data of kind flat_folder in {images}")]


def test_a_folder_that_cannot_be_written_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert [good for good, _ in check_space(Recipe(SMOKE), Store(tmp_path / "file"))] == [False]
    assert [good for good, _ in check_space(Recipe(SMOKE), Store(tmp_path / "runs"))] == [True]


def test_rows_are_counted_for_the_images_that_are_published(smoke: dict[str, Artifact], smoke_runs: Path) -> None:
    [(_, text)] = check_space(Recipe(SMOKE), Store(smoke_runs))
    train, val = (smoke["data"].facts[f"num_{split}"] for split in ("train", "val"))
    assert f"GB for {train} images" in text and f"GB for {train + val} images" in text


def test_trainings_that_cannot_be_counted_are_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.yaml").write_text((SMOKE / "tokenizer.yaml").read_text())
    (tmp_path / "pipeline.yaml").write_text(
        f"stages:\n  tokenizer: {{data: '{SMOKE}:data', codebook: '{SMOKE}:codebook'}}\n"
    )
    [(_, text)] = check_space(Recipe(tmp_path), Store(tmp_path / "runs"))
    assert text.endswith("not counted, since it has no stage data of its own: tokenizer")


def test_versions_and_devices_are_named() -> None:
    assert all(good for good, _ in check_versions())
    lines = [text for _, text in check_devices(Recipe(SMOKE, ["tokenizer.runtime.devices=2"]))]
    assert "tokenizer wants 1 nodes of 2 devices" in lines


def test_one_real_update_where_inputs_are_published(smoke_runs: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    (runs / "artifacts").mkdir(parents=True)
    for stage in ("data", "codebook", "tokenizer", "token_shards"):
        (runs / "artifacts" / stage).symlink_to(smoke_runs / "artifacts" / stage)
    (runs / "data").symlink_to(smoke_runs / "data")
    changes = ["codebook.num_codes=32"]  # nothing is published of another codebook
    assert list(try_trainings(Recipe(SMOKE, changes), Store(runs), changes)) == [(None, text) for text in (
        "tokenizer: not tried, it waits for codebook", "decoder: not tried, it waits for tokenizer",
        "ar_prior: not tried, it waits for token_shards", "nar_prior: not tried, it waits for token_shards",
        "classifier: not tried, it waits for token_shards", "ldm_prior: not tried, it waits for latent_shards",
        "dit_prior: not tried, it waits for latent_shards", "sit_prior: not tried, it waits for latent_shards",
    )]  # fmt: skip
    findings = try_trainings(Recipe(SMOKE), Store(runs), [])
    good, text = next((good, text) for good, text in findings if text.startswith("nar_prior: "))
    assert good and "one update and one validation" in text, text
    assert not list(runs.glob(".doctor.*"))


def test_cpu_devices_need_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    changes = ["tokenizer.runtime.devices=2", "tokenizer.runtime.accelerator=cpu"]
    assert all(good for good, _ in check_devices(Recipe(SMOKE, changes)))
    assert not all(good for good, _ in check_devices(Recipe(SMOKE, changes[:1])))


def test_a_damaged_result_is_a_finding(tmp_path: Path) -> None:
    recipe, store = Recipe(SMOKE), Store(tmp_path)
    key = recipe.status(store)["data"].key
    assert key
    store.path("data", key).mkdir(parents=True)
    (store.path("data", key) / "manifest.json").write_text("{")
    for check in (check_space(recipe, store), try_trainings(recipe, store, [])):
        good, text = list(to_the_end(check))[-1]
        assert good is False and "manifest.json: not a readable manifest" in text


def test_a_training_on_several_nodes_is_a_finding(smoke_runs: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.yaml").write_text((SMOKE / "tokenizer.yaml").read_text())
    (tmp_path / "pipeline.yaml").write_text(
        f"stages:\n  tokenizer: {{data: '{SMOKE}:data', codebook: '{SMOKE}:codebook'}}\n"
        "set: [tokenizer.runtime.num_nodes=2]\n"
    )
    [(good, text)] = try_trainings(Recipe(tmp_path), Store(smoke_runs), [])
    assert good is False and "num_nodes 2: this command starts processes on one node" in text


@pytest.mark.parametrize(
    ("findings", "code", "last"),
    [
        ([(True, "a")], 0, "ready"),
        (
            [(True, "a"), (None, "b")],
            0,
            "ready; trainings not tried: 1, run doctor again when their inputs are published",
        ),
        ([(False, "a"), (None, "b")], 1, "1 problem found"),
        ([(False, "a"), (False, "b")], 1, "2 problems found"),
    ],
)
def test_the_last_line_and_the_exit_code_sum_up(
    findings: list[doctor.Finding], code: int, last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name in ("check_versions", "check_devices", "check_weights", "check_space"):
        monkeypatch.setattr(doctor, name, lambda *_: iter([]))
    monkeypatch.setattr(doctor, "try_trainings", lambda *_: iter(findings))
    assert doctor.main(argparse.Namespace(recipe=SMOKE, set=[], runs=tmp_path)) == code
    assert capsys.readouterr().out.splitlines()[-1] == last
