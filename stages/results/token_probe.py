"""The linear probe of tokens: what their code vectors say of the class, averaged over parts of the grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from configs.schema.classifier import ProbeConfig
from datamodules.rows import ShardRows
from smalti.codebooks import Quantizer
from smalti.metrics.linear_probe import LinearProbe, grid_means
from smalti.metrics.top_k import TOP, frequent_share
from smalti.seeds import mix
from smalti.tokenizers.vq_tokenizer import on_grid

BATCH = 1024  # images whose code vectors are held at once


@dataclass(frozen=True)
class ProbeFigures:
    """Shares of val images whose class is among the k likeliest, by k; the same if always the classes most ``frequent``
    in train are named; and the number of train images that the probe is fitted to."""

    top: dict[int, float]
    frequent: dict[int, float]
    num_train: int


def drawn_rows(number: int, most: int, seed: int) -> np.ndarray:
    """Returns the rows, sorted, that a probe is fitted to: all of them, or ``most`` drawn by the seed.

    >>> drawn_rows(3, 5, 0).tolist(), len(drawn_rows(9, 5, 0))
    ([0, 1, 2], 5)
    """
    random = np.random.Generator(np.random.PCG64(mix(seed, "probe")))
    return np.arange(number) if number <= most else np.sort(random.choice(number, most, replace=False))


def code_means(
    rows: ShardRows, chosen: np.ndarray, quantizer: Quantizer, grid: Sequence[int], cells: int
) -> np.ndarray:
    """Returns the features float32 (M, D cells^2) of the first view of the ``chosen`` rows."""
    found = []
    for start in range(0, len(chosen), BATCH):
        views = rows.values.gather(chosen[start : start + BATCH], "int64")[:, 0]
        tokens = torch.from_numpy(views).view(len(views), quantizer.num_books, -1)
        found.append(grid_means(quantizer.decode(on_grid(tokens, grid)), cells).numpy())
    return np.concatenate(found)


def probe_tokens(
    train: ShardRows, val: ShardRows, quantizer: Quantizer, grid: Sequence[int], num_classes: int, config: ProbeConfig,
    seed: int,
) -> ProbeFigures:  # fmt: skip
    """Returns the accuracy on all val rows of a probe that is fitted to train rows.

    Raises:
        ValueError: more cells than the grid has rows or columns, or train images of a single class.
    """
    chosen = drawn_rows(len(train), config.max_images, seed)
    labels, val_labels = (np.asarray(rows.labels).astype(np.int64) for rows in (train, val))
    features = code_means(train, chosen, quantizer, grid, config.cells)
    probe = LinearProbe(features, labels[chosen], num_classes)
    val_features = code_means(val, np.arange(len(val)), quantizer, grid, config.cells)
    top = {k: probe.accuracy(val_features, val_labels, k) for k in TOP if k < num_classes}
    return ProbeFigures(top, {k: frequent_share(labels, val_labels, k) for k in top}, len(chosen))
