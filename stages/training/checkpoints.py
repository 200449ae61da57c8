"""Checkpoints of a training: each whole or absent, two generations of them, read without executing anything."""

import os
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io import TorchCheckpointIO

KEPT = 2
PARTS = {"state_dict", "optimizer_states", "loops", "global_step"}  # what Lightning writes of every training
NUMBER = re.compile(r"step=(\d+)\.ckpt$")


def update_of(checkpoint: Path) -> int:
    """Returns the update after which a checkpoint was saved."""
    match = NUMBER.search(checkpoint.name)
    assert match
    return int(match[1])


def generations(folder: Path) -> list[Path]:
    """Returns the checkpoints in ``folder``, the newest last: by update, since the clock may have been set back."""
    numbered = [path for path in folder.glob("*.ckpt") if NUMBER.search(path.name)]
    return sorted(numbered, key=lambda path: (update_of(path), path))


def newest_checkpoint(folder: Path) -> Path | None:
    """Returns the checkpoint to resume from, or None if there is none."""
    return next(reversed(generations(folder)), None)


def drop_partial(folder: Path) -> None:
    """Deletes the files that a killed writer left half written."""
    for partial in folder.glob("*.partial"):
        partial.unlink()


class Generations(TorchCheckpointIO):
    """Writes a checkpoint beside its target, syncs and renames it, and deletes all but the ``KEPT`` newest.

    Lightning's own writer puts its temporary file into the system's temporary folder, and a rename from one file system
    to another is a copy, which a kill cuts in half.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"{target.name}.partial")
        try:
            with temporary.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(target)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise ValueError(
                f"{target}: cannot save ({os.strerror(error.errno or 0)}); make room and run the same command again: "
                "it continues from the checkpoint before"
            ) from error
        for old in generations(target.parent)[:-KEPT]:
            old.unlink()

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Returns the checkpoint. Only plain data and tensors are unpickled.

        Raises:
            ValueError: the file is damaged, holds anything else, or lacks a part of a training.
        """
        try:
            with zipfile.ZipFile(path) as file:
                if damaged := file.testzip():  # PyTorch doesn't verify the checksums
                    raise RuntimeError(f"{damaged} isn't what was written")
            found = torch.load(path, map_location=map_location or "cpu", weights_only=True)
            missing = PARTS - found.keys() if isinstance(found, dict) else PARTS
            if missing:
                raise RuntimeError(f"it lacks {', '.join(sorted(missing))}")
            return found
        except (OSError, RuntimeError, EOFError, KeyError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(
                f"{path}: not a readable checkpoint ({reason}); delete it, and the same command "
                "continues from the one before"
            ) from error

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)
