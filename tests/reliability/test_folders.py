"""Folders that are moved or full: one clear line, nothing lost."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import SMOKE, run_stage_here

from datamodules.shards import ShardWriter
from pipeline.artifact import Store
from pipeline.graph import Recipe


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

    writer = ShardWriter(tmp_path, "tokens", 1000, (64,), "uint16", 400)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(ValueError, match=r"tokens-00000\.npy: cannot reserve 0\.00 GB \(No space left on device\)"):
        writer.create()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    writer.create()
    assert len(writer.pending()) == 1000
