"""Vectors on a plane by t-SNE: codes, used and unused ones (VQGAN-LC Figure 4), or images by their codes (FQGAN
Figure 4)."""

from dataclasses import dataclass

import numpy as np
from sklearn.manifold import TSNE
from torch import Tensor

PERPLEXITY = 30.0  # scikit-learn's and van der Maaten's default


def on_plane(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Returns places (M, 2) for vectors (M, D) by t-SNE (van der Maaten & Hinton 2008), float32.

    Raises:
        ValueError: fewer than 5 vectors: there is nothing to see.
    """
    if len(vectors) < 5:
        raise ValueError(f"{len(vectors)} vectors: t-SNE needs at least 5 to place them by their neighbours")
    spread = vectors.std(0).max()
    found = TSNE(
        perplexity=min(PERPLEXITY, (len(vectors) - 1) / 3),
        init="pca" if vectors.shape[1] > 1 and spread else "random",
        random_state=seed,
    ).fit_transform(vectors.astype(np.float32))
    return np.asarray(found, dtype=np.float32)


@dataclass(frozen=True)
class CodeMap:
    """Codes of one book on a plane: ``codes`` (M,) that were placed, ``places`` (M, 2), and whether each is ``active``
    (M,), which ``usage`` of all K codes are."""

    codes: np.ndarray
    places: np.ndarray
    active: np.ndarray
    usage: float


def map_codes(table: Tensor, counts: np.ndarray, most: int, seed: int) -> CodeMap:
    """Returns the codes of a table (K, D) on a plane; active are those that ``counts`` (K,) has seen.

    Of more than ``most`` codes a seeded choice is placed, active and inactive ones in proportion.
    """
    random = np.random.default_rng(seed)
    codes = np.sort(random.choice(len(counts), min(most, len(counts)), replace=False))
    places = on_plane(table.float().cpu().numpy()[codes], seed)
    return CodeMap(codes, places, counts[codes] > 0, float((counts > 0).mean()))
