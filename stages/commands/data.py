"""``python -m pipeline data``: reads every image of a data set before a run, and says what it found.

Counts, sizes, modes, classes, files that can't be read, and images that stand in both train and val.
"""

import argparse
import json
import multiprocessing
import os
import sys
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np

from datamodules.examine import Examined, examine
from datamodules.index import ImageIndex
from pipeline.commands import run_script
from pipeline.graph import Recipe
from pipeline.store import Store
from stages.results.published import open_index

SHOWN = 20  # names of bad files in the printed lines; the report has all


_index: ImageIndex  # of a process that examines: handed over once, not with each part of the work


def _open(index: ImageIndex) -> None:
    global _index
    _index = index


def _examine(number: int) -> Examined:
    try:
        return examine(_index.read(number))
    except OSError as error:
        return Examined("unreadable", 0, 0, "", False, str(error))


def _examine_all(index: ImageIndex) -> list[Examined]:
    """Returns what is known of each image, found by a process for each CPU that this one may use.

    Raises:
        ValueError: a process was killed.
    """
    context = multiprocessing.get_context("fork")  # by which the index isn't copied
    try:
        with ProcessPoolExecutor(len(os.sched_getaffinity(0)), context, _open, (index,)) as pool:
            return list(pool.map(_examine, range(len(index.splits)), chunksize=64))
    except BrokenProcessPool as error:
        raise ValueError(
            "a process examining images was killed, perhaps for its memory; free some and run the same command again"
        ) from error


def report(index: ImageIndex) -> dict[str, Any]:
    """Returns what all images of an index are like, as JSON values."""
    found = _examine_all(index)
    names = ("train", "val")
    splits = [names[int(split)] for split in index.splits]
    where: dict[str, set[str]] = defaultdict(set)
    for one, split in zip(found, splits, strict=True):
        if not one.problem:
            where[one.sha256].add(split)
    short = np.array([min(one.width, one.height) for one in found if not one.problem] or [0])
    classes = index.facts.class_names
    return {
        "images": dict(Counter(splits)),
        "classes": {classes[label] if label >= 0 else "none": count for label, count in
                    sorted(Counter(index.labels.tolist()).items())},
        "kinds": dict(Counter(one.kind for one in found).most_common()),
        "animated": sum(one.animated for one in found),
        "shorter_side": {"min": int(short.min()), "median": float(np.median(short)), "max": int(short.max())},
        "smaller_than_image_size": int((short < index.facts.image_size).sum()),
        "duplicates": sum(not one.problem for one in found) - len(where),
        "in_train_and_val": [index.name(i) for i, one in enumerate(found)
                             if splits[i] == "val" and len(where.get(one.sha256, ())) == 2],
        "unreadable": {index.name(i): one.problem for i, one in enumerate(found) if one.problem},
    }  # fmt: skip


def main(options: argparse.Namespace) -> int:
    store = Store(options.runs)
    data = Recipe(options.recipe, options.set).status(store)["data"].artifact
    if data is None:
        raise ValueError("stage data published nothing")
    found = report(open_index(data))
    file = store.root / "data" / f"{data.key}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(found, indent=1))
    bad, both = found["unreadable"], found["in_train_and_val"]
    print(f"{found['images'].get('train', 0)} train and {found['images'].get('val', 0)} val images")
    for name in ("classes", "kinds", "shorter_side", "animated", "smaller_than_image_size", "duplicates"):
        print(f"{name}: {json.dumps(found[name])}")
    print(f"{len(both)} val images are in train too: {', '.join(both[:SHOWN])}".rstrip(": "))
    print(
        f"{len(bad)} unreadable: {', '.join(f'{name} ({why})' for name, why in list(bad.items())[:SHOWN])}".rstrip(": ")
    )
    print(f"all of it: {file}")
    return 0


if __name__ == "__main__":
    sys.exit(run_script("data", main))
