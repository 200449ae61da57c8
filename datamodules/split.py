"""Splitting a data set into train and val, and choosing a part of it."""

import re
from collections.abc import Sequence

import numpy as np

from smalti.seeds import mix


def choose_images(splits: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Returns the sorted indices of a seeded choice of about ``number`` images: the same share of each split, at least
    one image."""
    random = np.random.Generator(np.random.PCG64(mix(seed, "choose")))
    share = min(1.0, number / len(splits))
    parts = [np.flatnonzero(splits == split) for split in (0, 1)]
    return np.sort(np.concatenate([random.permutation(p)[: max(1, round(share * len(p)))] for p in parts]))


def split_by_group(names: Sequence[str], fraction: float, pattern: str | None, seed: int) -> np.ndarray:
    """Returns uint8 (M,), 1 for val: whole groups, in seeded order, until they hold ``fraction`` of the images.

    A name's group is what the first parentheses of ``pattern`` match; without a pattern each name is a group of its
    own. The side of a group doesn't depend on the order of the names.

    Raises:
        ValueError: the pattern is invalid or doesn't match a name, or there are too few groups for two sides.
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
    unique, group_of, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(unique) < 2:
        raise ValueError(f"{len(names)} images in {len(unique)} groups: a split into train and val needs two")
    order = np.argsort([mix(seed, "split", name) for name in unique.tolist()])
    num_val = max(1, round(fraction * len(names)))
    before = np.cumsum(counts[order]) - counts[order]  # images in the groups that come earlier
    val = np.zeros(len(unique), dtype=np.uint8)
    val[order[before < num_val]] = 1
    val[order[-1]] = 0  # at least one group is left to train on
    return val[group_of]
