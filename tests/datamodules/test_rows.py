"""Batches of rows: each row with the random numbers of its own position, whatever stands beside it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from datamodules.latents import latent_batch
from datamodules.rows import EvaluationRows, MakeBatch, ShardRows, TrainingRows, as_it_is
from datamodules.tokens import token_batch
from smalti.seeds import mix

ROWS, VIEWS = 7, 3


def written(folder: Path, name: str, shape: tuple[int, ...], dtype: str) -> ShardRows:
    """Two shards of rows (VIEWS, *shape), and labels."""
    random = np.random.default_rng(0)
    (folder / "train").mkdir()
    for number, rows in enumerate((4, ROWS - 4)):
        values = random.integers(0, 100, (rows, VIEWS, *shape)).astype(dtype)
        np.save(folder / "train" / f"{name}-{number:05d}.npy", values)
    np.save(folder / "train" / "labels.npy", np.arange(ROWS) % 3 - 1)
    return ShardRows(folder, "train", name)


@pytest.mark.parametrize("shape", [(4,), (2, 4)], ids=["one book", "two books"])
def test_tokens_and_their_random_numbers(shape: tuple[int, ...], tmp_path: Path) -> None:
    rows = written(tmp_path, "tokens", shape, "uint16")
    samples = TrainingRows(rows, token_batch, seed=5)
    batch = samples.__getitems__([9, 2, 30])
    for place, position in enumerate([9, 2, 30]):
        epoch = np.random.Generator(np.random.PCG64(mix(mix(5, "group", 0), "epoch", position // ROWS)))
        row = int(epoch.permutation(ROWS)[position % ROWS])
        random = np.random.Generator(np.random.PCG64(mix(5, "tokens", position)))
        tokens = rows.values[row][int(random.integers(VIEWS))].reshape(-1, 4)
        assert np.array_equal(batch["tokens"][place], tokens) and batch["labels"][place] == row % 3 - 1
        assert np.array_equal(batch["noise"][place], random.random(2, dtype=np.float32))
        noise = random.random(2 * tokens.size, dtype=np.float32).reshape(2, *tokens.shape)
        assert np.array_equal(batch["token_noise"][place], noise) and batch["position"][place] == position
    kinds = {name: (value.dtype, tuple(value.shape[1:])) for name, value in batch.items()}
    books = 2 if len(shape) == 2 else 1
    assert kinds == {
        "tokens": (torch.int64, (books, 4)), "labels": (torch.int64, ()), "noise": (torch.float32, (2,)),
        "token_noise": (torch.float32, (2, books, 4)), "position": (torch.int64, ()),
    }  # fmt: skip


def test_latents_and_their_noise(tmp_path: Path) -> None:
    rows = written(tmp_path, "latents", (2, 3, 3), "float16")
    batch = EvaluationRows(rows, latent_batch, seed=5).__getitems__([6, 0])
    for place, row in enumerate([6, 0]):
        random = np.random.Generator(np.random.PCG64(mix(5, "val", row)))
        assert np.array_equal(batch["latents"][place], rows.values[row][0].astype(np.float32))
        assert np.array_equal(batch["noise"][place], random.random(2, dtype=np.float32))
        assert np.array_equal(batch["latent_noise"][place], random.standard_normal((2, 3, 3), dtype=np.float32))
    assert batch["latents"].dtype == batch["latent_noise"].dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "shape", "make_batch"), [("tokens", (4,), token_batch), ("latents", (2, 3, 3), latent_batch)]
)
@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_gives_what_single_items_are(
    name: str, shape: tuple[int, ...], make_batch: MakeBatch, workers: int, tmp_path: Path
) -> None:
    samples = TrainingRows(written(tmp_path, name, shape, "uint16"), make_batch, seed=1, class_balanced=True)
    loader = DataLoader(samples, 4, sampler=range(3, 15), num_workers=workers, collate_fn=as_it_is)
    singles = torch.utils.data.default_collate([samples[position] for position in range(3, 15)])
    batches = list(loader)
    assert len(batches) == 3
    for key, values in singles.items():
        assert torch.equal(torch.cat([batch[key] for batch in batches]), values)
