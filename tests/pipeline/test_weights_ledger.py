"""The memory of what weights files hash to, and files that can't be used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE

from pipeline.graph import Recipe
from pipeline.weights_ledger import hash_weights, unusable_weights
from smalti.artifact import sha256_of


def test_a_damaged_memory_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path))
    (tmp_path / "a.pth").write_bytes(b"weights")
    cache = tmp_path / "weights.json"
    cache.write_text('{"half')
    assert hash_weights("a.pth", cache) == sha256_of(tmp_path / "a.pth")
    remembered = cache.read_text()
    assert hash_weights("a.pth", cache) == sha256_of(tmp_path / "a.pth") and cache.read_text() == remembered
    (tmp_path / "a.pth").write_bytes(b"other weights")
    assert hash_weights("a.pth", cache) == sha256_of(tmp_path / "a.pth")


def test_a_file_overwritten_in_place_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the size and the time of change that it had."""
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path))
    file, cache = tmp_path / "a.pth", tmp_path / "weights.json"
    file.write_bytes(b"weights")
    before = file.stat()
    first = hash_weights("a.pth", cache)
    with file.open("r+b") as stream:
        stream.write(b"wEights")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_mtime_ns == before.st_mtime_ns and file.stat().st_size == before.st_size
    assert hash_weights("a.pth", cache) == sha256_of(file) != first


def test_what_a_killed_process_left_is_swept_when_it_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path))
    (tmp_path / "a.pth").write_bytes(b"weights")
    runs = tmp_path / "runs"
    runs.mkdir()
    old, new = runs / "weights.123", runs / "weights.456"
    for file in (old, new):
        file.write_text("{")
    os.utime(old, (0, 0))
    hash_weights("a.pth", runs / "weights.json")
    assert not old.exists() and new.exists() and (runs / "weights.json").exists()


def test_a_file_that_is_not_what_was_fetched_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    file, cache = tmp_path / "weights" / "a.pth", tmp_path / "cache.json"
    file.write_bytes(b"weights")
    (tmp_path / "weights" / "weights.json").write_text(json.dumps({"a.pth": {"sha256": sha256_of(file)}}))
    assert hash_weights("a.pth", cache) == sha256_of(file)
    file.write_bytes(b"weightz")
    for _ in ("anew", "remembered"):
        with pytest.raises(ValueError, match=r"a\.pth: sha256 .*, fetched as .*: fetch it again"):
            hash_weights("a.pth", cache)
    (tmp_path / "weights" / "weights.json").write_text("{")
    with pytest.raises(ValueError, match=r"weights\.json: not readable"):
        hash_weights("a.pth", cache)


def test_all_weights_that_are_missing_are_named_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path / "weights"))
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "pipeline.yaml").write_text(
        f"base: {SMOKE}\nset:\n  - 'scores.judge={{kind: vgg16, weights: judge.safetensors}}'\n"
        "  - decoder.perceptual.network.weights=taught.pth\n"
    )

    def told(*words: str) -> str:
        command = [sys.executable, "-m", "pipeline", *words, "--runs", str(tmp_path / "runs")]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1 and not done.stdout
        return done.stderr

    for words in (["run", str(recipe)], ["slurm", str(recipe), "--submit"]):
        lines = told(*words).splitlines()
        assert [name in line for name, line in zip(("taught", "judge"), lines, strict=True)] == [True, True]
        assert all("no such file; fetch it with 'make weights RECIPE=" in line for line in lines)
    assert "judge" not in told("run", str(recipe), "--until", "decoder")
    assert not list((tmp_path / "runs").glob("artifacts/*"))
    configs = [node.config for node in Recipe(SMOKE).nodes.values()]
    assert not unusable_weights(configs, tmp_path / "weights.json")
