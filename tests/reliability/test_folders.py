"""Folders that are moved, full, read-only or in use: one clear line, nothing lost."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT, SMOKE, run_stage_here
from tests_support import AS_ANYBODY, with_inputs_of
from trainings import Ranks

from datamodules.shards import RowArray, ShardWriter
from pipeline.graph import Recipe
from pipeline.store import Store


def test_a_folder_of_runs_can_be_moved(smoke_runs: Path, tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    shutil.copytree(smoke_runs, before, symlinks=True)
    before.rename(after)
    assert {status.state for status in Recipe(SMOKE).status(Store(after)).values()} == {"published"}
    words = ["training.updates=2", "training.validate_every=2"]
    run_stage_here("decoder", SMOKE, after, *words)  # reads the images that were unpacked below the old folder
    assert Recipe(SMOKE, [f"decoder.{word}" for word in words]).status(Store(after))["decoder"].artifact


def test_shards_for_which_there_is_no_room_are_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    writer = ShardWriter(tmp_path, {"tokens": RowArray((64,), "uint16")}, 1000, 400)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(ValueError, match=r"tokens-00000\.npy: cannot reserve 51\.33 kB \(No space left on device\)"):
        writer.create()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    writer.create()
    assert len(writer.pending()) == 1000


@pytest.mark.skipif(AS_ANYBODY is None, reason="root here may write everywhere and can't give it up")
def test_a_read_only_folder_is_named_and_can_be_read(smoke_runs: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    runs.chmod(0o555)
    words = [sys.executable, str(PROJECT / "stages" / "data.py"), "--config", str(SMOKE / "data.yaml")]
    assert AS_ANYBODY is not None
    done = subprocess.run([*AS_ANYBODY, *words, "--runs", str(runs)], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"error: {runs / 'work' / 'data'}") and done.stderr.count("\n") == 1
    assert "cannot be written (Permission denied); have its owner give it to a group that you share" in done.stderr

    shutil.copytree(smoke_runs, tmp_path / "published", symlinks=True)
    folders = [path for path in (tmp_path / "published").rglob("*") if path.is_dir()]
    for folder in [tmp_path / "published", *folders]:
        folder.chmod(0o555)
    words = [sys.executable, "-m", "pipeline", "run", str(SMOKE), "--runs", str(tmp_path / "published")]
    try:
        done = subprocess.run([*AS_ANYBODY, *words], capture_output=True, text=True, check=False, cwd=PROJECT)
    finally:
        for folder in [tmp_path / "published", *folders]:
            folder.chmod(0o755)
    assert done.returncode == 0 and "17 stages up to date, 0 built" in done.stdout, done.stderr


def test_two_runs_at_once_do_not_meet(ranks: Ranks, smoke_runs: Path, tmp_path: Path) -> None:
    """The second says who is at work and touches nothing; the first publishes what it would have alone."""
    runs = with_inputs_of(smoke_runs, "codebook", tmp_path / "runs")
    script, config = PROJECT / "stages" / "codebook.py", SMOKE / "codebook.yaml"
    ranks.start(1, [str(script), "--config", str(config), "--runs", str(runs)])
    try:
        until = time.monotonic() + 60
        while not any(file.stat().st_size for file in runs.glob("work/codebook/*/lock")):
            assert time.monotonic() < until
            time.sleep(0.001)
        said = f"process {ranks.servers[0].pid} on {socket.gethostname()} is working on stage codebook; wait for it"
        with pytest.raises(ValueError, match=said):
            run_stage_here("codebook", SMOKE, runs)
    finally:
        code = ranks.wait(1)
    assert code == [0]
    alone, other = (Recipe(SMOKE).status(Store(folder))["codebook"].artifact for folder in (smoke_runs, runs))
    assert alone and other and alone.digest == other.digest
