"""Samples as ADM's evaluator reads them."""

from pathlib import Path

import numpy as np

from datamodules.shards import ShardReader
from smalti.evaluation.npz import write_images

BLOCK = 500  # images at once


def write_adm_npz(path: Path, images: ShardReader, decoder: int, labels: np.ndarray) -> Path:
    """Writes an npz of ``arr_0``, images (M, H, W, 3) uint8 of one decoder, and ``arr_1``, their labels (M,) int64.

    They are shuffled, always alike: the evaluator takes the parts of its Inception score in the order of the file, and
    of samples class after class it finds a quarter of the score.
    """
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(images))
    shape = (len(images), *(images[0].shape[axis] for axis in (2, 3, 1)))
    blocks = (
        np.ascontiguousarray(np.moveaxis(images.gather(order[start : start + BLOCK])[:, decoder], 1, 3)).tobytes()
        for start in range(0, len(order), BLOCK)
    )
    write_images(path, shape, blocks, labels[order])
    return path
