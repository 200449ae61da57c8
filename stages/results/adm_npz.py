"""Samples as ADM's evaluator reads them."""

import zipfile
from pathlib import Path

import numpy as np

from datamodules.shards import ShardReader

BLOCK = 500  # images at once


def write_adm_npz(path: Path, images: ShardReader, decoder: int, labels: np.ndarray) -> Path:
    """Writes an npz of ``arr_0``, images (M, H, W, 3) uint8 of one decoder, and ``arr_1``, their labels (M,) int64.

    They are shuffled, always alike: the evaluator takes the parts of its Inception score in the order of the file, and
    of samples class after class it finds a quarter of the score.
    """
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(images))
    shape = (len(images), *(images[0].shape[axis] for axis in (2, 3, 1)))
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("arr_0.npy", "w", force_zip64=True) as stream:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            for start in range(0, len(order), BLOCK):
                block = images.gather(order[start : start + BLOCK])[:, decoder]
                stream.write(np.ascontiguousarray(np.moveaxis(block, 1, 3)).tobytes())
        with archive.open("arr_1.npy", "w") as stream:
            np.lib.format.write_array(stream, labels[order], allow_pickle=False)
    return path
