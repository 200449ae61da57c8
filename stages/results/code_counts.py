"""How often each code occurs in published tokens."""

import numpy as np

from datamodules.arrays import read_array
from smalti.artifact import Artifact


def count_codes(artifact: Artifact, folder: str, has_views: bool) -> np.ndarray:
    """Returns how often each code of each book occurs in a folder of tokens, in their first view if they have views,
    int64 (k, K)."""
    num_books, num_codes = artifact.facts["num_books"], artifact.facts["num_codes"]
    counts = np.zeros((num_books, num_codes), dtype=np.int64)
    for path in sorted((artifact.path / folder).glob("tokens-*.npy")):
        block = read_array(path, "r")
        block = (block[:, 0] if has_views else block).reshape(len(block), num_books, -1)
        for i in range(num_books):
            counts[i] += np.bincount(block[:, i].ravel().astype(np.int64), minlength=num_codes)
    return counts
