"""The one split of a data set into train and val."""

import re
from collections.abc import Sequence

import numpy as np

from smalti.seeds import mix


def choose_images(splits: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Returns the sorted indices of a seeded choice of ``number`` images; each split gives its share, at least one."""
    random = np.random.Generator(np.random.PCG64(mix(seed, "choose")))
    share = min(1.0, number / len(splits))
    parts = [np.flatnonzero(splits == split) for split in (0, 1)]
    return np.sort(np.concatenate([random.permutation(p)[: max(1, round(share * len(p)))] for p in parts]))


def split_by_group(names: Sequence[str], fraction: float, pattern: str | None, seed: int) -> np.ndarray:
    """Returns uint8 (M,), 1 for val: whole groups in seeded order until ``fraction`` of the images is reached.

    The group of a name is the first group of ``pattern``, or the name itself without one. Which side a group falls on
    doesn't depend on the order of the files.

    Raises:
        ValueError: no valid pattern, a name that it doesn't match, or too few groups for both sides.
    """
    groups = list(names)
    if pattern is not None:
        try:
            rule = re.compile(pattern)
        except re.error as error:
            raise ValueError(f"group {pattern!r}: not a regular expression ({error})") from error
        if rule.groups < 1:
            raise ValueError(f"group {pattern!r}: needs a group in parentheses that names what stays together")
        matches = [rule.search(name) for name in names]
        if None in matches:
            raise ValueError(f"group {pattern!r}: doesn't match {names[matches.index(None)]!r}")
        groups = [match[1] for match in matches if match]
    unique, member, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(unique) < 2:
        raise ValueError(f"{len(names)} images in {len(unique)} groups: a split into train and val needs two")
    order = np.argsort([mix(seed, "split", name) for name in unique.tolist()])
    wanted = max(1, round(fraction * len(names)))
    before = np.cumsum(counts[order]) - counts[order]
    val = np.zeros(len(unique), dtype=np.uint8)
    val[order[before < wanted]] = 1
    val[order[-1]] = 0  # at least one group trains
    return val[member]
