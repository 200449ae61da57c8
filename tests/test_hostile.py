"""Nothing foreign is executed: a pickle that would create a file is refused in each place where a file is read."""

import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SMOKE, run_stage_here
from safetensors.torch import load_file, save_file
from tests_support import Bomb, write_recipe

from datamodules.arrays import read_array
from datamodules.shards import ShardReader
from datamodules.sources import unpack_embedded
from pipeline.graph import Recipe
from smalti.artifact import Artifact, digest_of, seal, sha256_of
from smalti.tensors import read_tensors, read_weights
from stages.results.published import load_decoding_half, load_prior, load_tokenizer
from stages.training.checkpoints import Generations


def as_pickle(path: Path, bomb: Bomb) -> None:
    path.write_bytes(pickle.dumps(bomb))


def as_array(path: Path, bomb: Bomb) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([bomb], dtype=object), allow_pickle=True)


def as_torch(path: Path, bomb: Bomb) -> None:
    torch.save({"weight": bomb}, path)


READERS: dict[str, Callable[[Path], object]] = {
    "codebook.npy": read_array,
    "tokens-00000.npy": lambda path: ShardReader([path]),
    "labels.npy": lambda path: read_array(path, "r"),
    "tokenizer.safetensors": read_tensors,
    "weights.safetensors": lambda path: read_weights(str(path)),
    "weights.pth": lambda path: read_weights(str(path)),
    "step=00000001.ckpt": lambda path: Generations().load_checkpoint(path),
}
WRITERS = [as_pickle, as_array, as_torch]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("name", READERS)
def test_a_hostile_file_is_refused_by_name_and_does_not_run(
    name: str, write: Callable[[Path, Bomb], None], tmp_path: Path
) -> None:
    ran, file = tmp_path / "ran", tmp_path / name
    write(file, Bomb(ran))
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        READERS[name](file)
    assert not ran.exists()


def test_the_bomb_would_go_off(tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    as_pickle(tmp_path / "bomb", Bomb(tmp_path / "ran"))
    pickle.loads((tmp_path / "bomb").read_bytes())
    assert (tmp_path / "ran").exists()
    figure("hostile files tried, each refused by name", f"{len(READERS) * len(WRITERS)}")


def test_a_zip_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    for member in ("../outside.png", "/tmp/outside.png", "a/../../outside.png"):
        archive = tmp_path / "images.zip"
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr(member, b"x")
        with pytest.raises(ValueError, match="would be written outside its folder"):
            unpack_embedded(archive, tmp_path / "out" / "data")
    assert not list(tmp_path.rglob("outside.png"))


def rewritten(artifact: Artifact, folder: Path, name: str, change: Callable[[Path], None]) -> Artifact:
    """Returns a copy whose manifest agrees with the changed file, as somebody who means harm would publish it."""
    shutil.copytree(artifact.path, folder)
    file = folder / name
    file.chmod(0o644)
    change(file)
    manifest = folder / "manifest.json"
    manifest.chmod(0o644)
    data = json.loads(manifest.read_text())
    data["files"][name] = {"sha256": sha256_of(file), "size": file.stat().st_size}
    data["digest"] = digest_of(data["files"])
    manifest.write_text(json.dumps(data | {"seal": seal(data)}))
    copy = Artifact(folder)
    copy.verify()
    return copy


def test_one_missing_extra_or_misshapen_tensor_is_named(
    smoke: dict[str, Artifact], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_tokenizer(smoke["tokenizer"])
    assert "tokenizer.safetensors: 68 tensors, 0 missing" in capsys.readouterr().out

    def edit(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
        def write(path: Path) -> None:
            state = dict(load_file(path))
            change(state)
            save_file(state, path)

        return write

    cases: list[tuple[Callable[[dict[str, torch.Tensor]], None], str]] = [
        (lambda state: state.update(ghost=torch.zeros(1)), r"1 unexpected \['ghost'\]"),
        (lambda state: state.update({"quantizer.codebook": torch.zeros(3, 8)}), r"codebook has shape \(3, 8\)"),
        (lambda state: state.__delitem__("quantizer.codebook"), r"1 tensors missing \['quantizer\.codebook'\]"),
    ]  # fmt: skip
    for number, (change, expected) in enumerate(cases):
        copy = rewritten(smoke["tokenizer"], tmp_path / str(number), "tokenizer.safetensors", edit(change))
        with pytest.raises(ValueError, match=rf"tokenizer\.safetensors: .*{expected}"):
            load_tokenizer(copy)


@pytest.mark.parametrize("stage", ["tokenizer", "decoder", "ar_prior"])
def test_one_flipped_bit_of_the_weights_is_noticed_by_whoever_loads_them(
    stage: str, smoke: dict[str, Artifact], tmp_path: Path
) -> None:
    copy = Artifact(shutil.copytree(smoke[stage].path, tmp_path / "copy"))
    name = "prior.safetensors" if stage == "ar_prior" else "tokenizer.safetensors"
    file = copy.file(name)
    file.chmod(0o644)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    for load in (load_prior,) if stage == "ar_prior" else (load_tokenizer, load_decoding_half):
        with pytest.raises(ValueError, match=rf"{name}: damaged \(sha256 differs"):
            load(copy)


def test_a_manifest_of_another_schema_is_refused(smoke: dict[str, Artifact], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(smoke["tokenizer"].path, copy)
    manifest = copy / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 99', 1))
    with pytest.raises(ValueError, match="schema 99, this version reads 1"):
        Artifact(copy).verify()


def test_the_report_escapes_what_it_shows(smoke_runs: Path, tmp_path: Path) -> None:
    recipe, runs = tmp_path / "recipe", tmp_path / "runs"
    shutil.copytree(SMOKE, recipe)
    shutil.copytree(smoke_runs, runs, symlinks=True)
    title = "<script>alert(1)</script>"
    run_stage_here("report", recipe, runs, f"title={title}")
    page = next(path for path in (runs / "artifacts" / "report").glob("*/report.html") if "alert" in path.read_text())
    assert title not in page.read_text() and "&lt;script&gt;" in page.read_text()


def test_paths_in_a_recipe_start_at_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = write_recipe(tmp_path, {"cat": 3, "dog": 3})
    monkeypatch.chdir("/")
    assert Path(Recipe(recipe).nodes["data"].config.source.root).resolve() == tmp_path / "images"
