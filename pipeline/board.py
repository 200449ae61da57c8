"""TensorBoard on all stages of a recipe."""

import os
import sys
from pathlib import Path

from pipeline.graph import Recipe
from pipeline.store import Store

LOGS = "tensorboard"  # of a work folder


def gather(recipe: Recipe, store: Store) -> Path:
    """Returns a folder of links to the stages' TensorBoard files, each by the stage's name.

    Raises:
        ValueError: no stage has written any.
    """
    folder = store.root / "board" / recipe.folder.name
    folder.mkdir(parents=True, exist_ok=True)
    for link in folder.iterdir():
        link.unlink()
    for stage, status in recipe.status(store).items():
        logs = store.work(stage, status.key) / LOGS if status.key else None
        if logs and logs.is_dir():
            (folder / stage).symlink_to(logs)
    if not list(folder.iterdir()):
        raise ValueError(f"{recipe.file}: no stage has written for TensorBoard yet; is runtime.logger another one?")
    return folder


def board(recipe: Recipe, store: Store, port: int) -> int:
    """Becomes TensorBoard; doesn't return."""
    folder = gather(recipe, store)
    print(f"stages: {', '.join(sorted(link.name for link in folder.iterdir()))}", flush=True)
    words = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--port", str(port)]
    os.execv(words[0], words)
