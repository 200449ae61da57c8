"""A data set is examined before a run; damaged files are named, counted and left out."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import PROJECT, run_stage_here
from PIL import Image
from tests_support import write_images, write_recipe

from datamodules.index import ImageIndex
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from stages.commands import data as examination
from stages.commands.data import report
from stages.results.published import open_index

BAD = ("truncated", "empty", "text", "renamed", "huge", "strip")
ODD = ("animated", "sixteen", "cmyk", "profile")


def damage(path: Path, how: str) -> Path:
    """Makes an image file bad or odd in one way; returns its path, whose suffix may be another then."""
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:-40])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("404 not found\n")
    elif how == "renamed":
        path.write_bytes(b"\x1aE\xdf\xa3" + bytes(2000))  # a video, called .png
    elif how == "huge":
        Image.new("L", (20_000, 20_000)).save(path)
    elif how == "strip":
        Image.new("L", (20_000, 1)).save(path)
    elif how == "animated":
        frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "green", "blue")]
        frames[0].save(path.with_suffix(".gif"), save_all=True, append_images=frames[1:])
        path.unlink()
        return path.with_suffix(".gif")
    elif how == "sixteen":
        Image.fromarray(np.full((64, 64), 40_000, dtype=np.uint16)).save(path)
    elif how == "cmyk":
        Image.new("CMYK", (64, 64), (10, 20, 30, 40)).save(path.with_suffix(".jpg"))
        path.unlink()
        return path.with_suffix(".jpg")
    elif how == "profile":
        from PIL import ImageCms

        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        Image.new("RGB", (64, 64), "red").save(path, icc_profile=profile)
    return path


def test_the_report_names_what_is_wrong(tmp_path: Path) -> None:
    recipe, runs = write_recipe(tmp_path, {"cat": 40, "dog": 40}), tmp_path / "runs"
    files = sorted((tmp_path / "images").rglob("*.png"))
    changed = {how: damage(files[i], how) for i, how in enumerate(BAD + ODD)}
    twin = files[20]
    for file in files[21:40]:
        file.write_bytes(twin.read_bytes())
    run_stage_here("data", recipe, runs)
    data = Recipe(recipe).status(Store(runs))["data"].artifact
    assert data
    figures = report(open_index(data))
    assert sum(figures["images"].values()) == 80 and figures["classes"] == {"cat": 40, "dog": 40}
    relative = {how: str(path.relative_to(tmp_path / "images")) for how, path in changed.items()}
    assert set(figures["unreadable"]) == {relative[how] for how in BAD}
    assert "DecompressionBomb" in figures["unreadable"][relative["huge"]]
    assert "20000 x 1 px" in figures["unreadable"][relative["strip"]]
    assert figures["animated"] == 1 and figures["kinds"]["JPEG CMYK"] == 1 and figures["kinds"]["PNG I;16"] == 1
    assert figures["duplicates"] >= 19
    assert figures["in_train_and_val"], "copies of one image are in train and in val"
    json.dumps(figures)


@pytest.fixture
def published(tmp_path: Path) -> Artifact:
    """The index of six images, one of them damaged."""
    recipe, runs = write_recipe(tmp_path, {"cat": 3, "dog": 3}), tmp_path / "runs"
    damage(tmp_path / "images" / "cat" / "001.png", "truncated")
    run_stage_here("data", recipe, runs, "val_fraction=0.5")
    data = Recipe(recipe, ["data.val_fraction=0.5"]).status(Store(runs))["data"].artifact
    assert data
    return data


def test_the_command_prints_what_it_found(published: Artifact, tmp_path: Path) -> None:
    arguments = [tmp_path / "recipe", "--runs", tmp_path / "runs", "--set", "data.val_fraction=0.5"]
    command = [sys.executable, "-m", "pipeline", "data", *map(str, arguments)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    lines = done.stdout.splitlines()
    assert "3 train and 3 val images" in lines and 'classes: {"cat": 3, "dog": 3}' in lines
    assert any(line.startswith("1 unreadable: cat/001.png (OSError: ") for line in lines)
    file = Path(lines[-1].removeprefix("full report: "))
    assert json.loads(file.read_text())["unreadable"].keys() == {"cat/001.png"}

    shutil.rmtree(tmp_path / "images")
    again = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert again.returncode == 1 and again.stderr.startswith("error: ") and again.stderr.count("\n") == 1


def test_the_index_is_never_copied_to_a_process(published: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index of a million images is 90 MB, and they are examined in thousands of chunks."""

    def copied(self: ImageIndex) -> dict[str, object]:
        raise AssertionError("pickled")

    monkeypatch.setattr(ImageIndex, "__getstate__", copied)
    assert report(open_index(published))["unreadable"].keys() == {"cat/001.png"}


def test_a_process_that_is_killed_ends_the_examination(published: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "examine", lambda data: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(ValueError, match=r"a process examining images was killed, .* run the same command again"):
        report(open_index(published))


@pytest.mark.reliability
def test_a_thousand_damaged_files_among_four_thousand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], figure: Callable[[str, str], None]
) -> None:
    recipe, runs = write_recipe(tmp_path, {"cat": 20, "dog": 20}), tmp_path / "runs"
    write_images(tmp_path / "images", {"cat": 2000, "dog": 2000})
    files = sorted((tmp_path / "images").rglob("*.png"))
    kinds = [how for how in BAD + ODD if how != "huge"]
    for number, file in enumerate(files[::4]):
        damage(file, "huge" if number == 0 else kinds[number % len(kinds)])
    bad = 1 + sum(kinds[number % len(kinds)] in BAD for number in range(1, 1000))
    run_stage_here("data", recipe, runs, "max_unreadable=0.6")
    # With 256 points a centre every image is drawn, and so read.
    changes = ["num_codes=64", "pool=2", "iterations=2", "points_per_centroid=256"]
    run_stage_here("codebook", recipe, runs, "--set=data.max_unreadable=0.6", *changes)
    set_here = ["data.max_unreadable=0.6", *(f"codebook.{change}" for change in changes)]
    status = Recipe(recipe, set_here).status(Store(runs))
    assert status["codebook"].artifact and status["data"].artifact
    index = open_index(status["data"].artifact)
    unreadable = report(index)["unreadable"]
    assert len(unreadable) == bad
    left_out = sum(index.name(int(i)) in unreadable for i in index.members("train"))
    assert f"{left_out} unreadable images left out: " in capsys.readouterr().out
    run_stage_here("data", recipe, runs, "max_unreadable=0.1")
    changes[0] = "num_codes=63"  # another result, for which all images are read too
    with pytest.raises(ValueError, match=rf"{left_out} of .* images can't be read, above data\.max_unreadable 0\.1"):
        run_stage_here("codebook", recipe, runs, "--set=data.max_unreadable=0.1", *changes)
    figure("bad files tried among 4,000", f"1000 damaged or odd, {bad} of them unreadable and named")


@pytest.mark.reliability
def test_trainings_go_on_without_what_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], figure: Callable[[str, str], None]
) -> None:
    """From data to priors damaged files are named and left out of the shards, and labels stay with their images."""
    recipe, runs = write_recipe(tmp_path, {"cat": 30, "dog": 30}), tmp_path / "runs"
    (recipe / "pipeline.yaml").write_text(
        "stages:\n  data:\n  codebook: {data: data}\n  tokenizer: {data: data, codebook: codebook}\n"
        "  token_shards: {data: data, tokenizer: tokenizer}\n"
        "  ar_prior: {token_shards: token_shards, tokenizer: tokenizer}\n"
    )
    files = sorted((tmp_path / "images").rglob("*.png"))
    bad = {str(damage(file, BAD[i % len(BAD)]).relative_to(tmp_path / "images")) for i, file in enumerate(files[::6])}
    short = ["training.updates=4", "training.validate_every=4"]
    changes = {
        "data": ["max_unreadable=0.6"], "codebook": ["num_codes=64", "pool=2", "iterations=2"],
        "tokenizer": short, "token_shards": [], "ar_prior": short,
    }  # fmt: skip
    every_change = [f"{stage}.{change}" for stage, own in changes.items() for change in own]
    for stage in changes:
        run_stage_here(stage, recipe, runs, *(f"--set={change}" for change in every_change))
    artifacts = {stage: s.artifact for stage, s in Recipe(recipe, every_change).status(Store(runs)).items()}
    data, shards = artifacts["data"], artifacts["token_shards"]
    assert artifacts["ar_prior"] and data and shards
    index = open_index(data)
    assert set(json.loads(shards.file("dropped.json").read_text())) == bad and shards.facts["num_dropped"] == len(bad)
    kept = 0
    for split in ("train", "val"):
        members, labels = (np.load(shards.file(f"{split}/{name}.npy")) for name in ("index", "labels"))
        assert np.array_equal(index.labels[members], labels) and not {index.name(int(i)) for i in members} & bad
        assert sum(len(np.load(path)) for path in (shards.path / split).glob("tokens-*.npy")) == len(members)
        kept += len(members)
    assert kept == 60 - len(bad)
    assert "unreadable image, replaced by another: " in capsys.readouterr().out
    figure("bad files from data to a prior", f"{len(bad)} of 60, named and left out")
