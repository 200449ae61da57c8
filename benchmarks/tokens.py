"""Tokens from the disk to batches: shards, as stage token_shards writes them, beside one .npy an image.

    python -m benchmarks.tokens [--images 4096]

256 tokens in 10 views, batches of 256, one process. "One .npy an image" is how LlamaGen's code keeps them: a file of
tokens and a file of the label, a view drawn at random, PyTorch's own collation. The files are in the page cache in both
cases; from a disk that has to seek, thousands of small files fall further behind. Every token of both is then compared.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.cost import measure, table
from datamodules.rows import ShardRows, TrainingRows, as_it_is
from datamodules.tokens import token_batch

VIEWS, TOKENS, CODES, BATCH = 10, 256, 16_384, 256


class OneFileAnImage(Dataset[tuple[Tensor, Tensor]]):
    """LlamaGen's layout: <number>.npy (1, views, tokens), and the label in a file of the same name elsewhere."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.number = folder, number

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        tokens = torch.from_numpy(np.load(self.folder / "codes" / f"{row}.npy"))
        view = int(torch.randint(VIEWS, ()))
        return tokens[0, view], torch.from_numpy(np.load(self.folder / "labels" / f"{row}.npy"))


def write(folder: Path, number: int) -> np.ndarray:
    """Writes the same tokens in both layouts; returns them."""
    random = np.random.default_rng(0)
    tokens = random.integers(0, CODES, (number, VIEWS, TOKENS), dtype=np.uint16)
    for name in ("shards/train", "files/codes", "files/labels"):
        (folder / name).mkdir(parents=True)
    np.save(folder / "shards" / "train" / "tokens-00000.npy", tokens)
    np.save(folder / "shards" / "train" / "labels.npy", np.arange(number) % 1000)
    for row, views in enumerate(tokens):
        np.save(folder / "files" / "codes" / f"{row}.npy", views[None].astype(np.int64))
        np.save(folder / "files" / "labels" / f"{row}.npy", np.array([row % 1000]))
    return tokens


def check_same(shards: Dataset[Any], tokens: np.ndarray) -> None:
    """Asserts that each row comes out as one of its views."""
    rows = TrainingRows.row
    assert isinstance(shards, TrainingRows)
    for position in range(64):
        found, views = shards[position]["tokens"], tokens[rows(shards, position)]
        assert any(np.array_equal(found[0].numpy(), view) for view in views)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=4096)
    number = parser.parse_args().images
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tokens = write(folder, number)
        shards = TrainingRows(ShardRows(folder / "shards", "train", "tokens"), token_batch, seed=0)
        files = OneFileAnImage(folder / "files", number)
        check_same(shards, tokens)
        ours = DataLoader(shards, BATCH, sampler=range(number), collate_fn=as_it_is)
        theirs = DataLoader(files, BATCH, shuffle=True)
        costs = {"shards": measure(lambda: list(ours)), "one .npy an image": measure(lambda: list(theirs))}
    table(f"{number} images, {VIEWS} views of {TOKENS} tokens", costs, "shards")
