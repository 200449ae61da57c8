"""``python -m pipeline data``: reads every image of a data set before a run, and reports what it found.

The report has counts, sizes, modes and classes, the files that can't be read, and the images that are in both train and
val.
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

SHOWN = 20  # names in a printed line; the report has all


_index: ImageIndex  # of a worker process, which gets it once, and not with each chunk of images


def _open(index: ImageIndex) -> None:
    global _index
    _index = index


def _examine(number: int) -> Examined:
    try:
        return examine(_index.read(number))
    except OSError as error:
        return Examined("unreadable", 0, 0, "", False, str(error))


def _examine_all(index: ImageIndex) -> list[Examined]:
    """Examines every image, with one process for each CPU that this one may use.

    Raises:
        ValueError: a process was killed.
    """
    context = multiprocessing.get_context("fork")  # shares the index instead of copying it
    try:
        with ProcessPoolExecutor(len(os.sched_getaffinity(0)), context, _open, (index,)) as pool:
            return list(pool.map(_examine, range(len(index.splits)), chunksize=64))
    except BrokenProcessPool as error:
        raise ValueError(
            "a process examining images was killed, perhaps for its memory; free some and run the same command again"
        ) from error


def report(index: ImageIndex) -> dict[str, Any]:
    """Returns the report on all images of an index, as JSON values."""
    examined = _examine_all(index)
    names = ("train", "val")
    splits = [names[int(split)] for split in index.splits]
    splits_of: dict[str, set[str]] = defaultdict(set)  # by sha256
    for image, split in zip(examined, splits, strict=True):
        if not image.problem:
            splits_of[image.sha256].add(split)
    short = np.array([min(image.width, image.height) for image in examined if not image.problem] or [0])
    classes = index.facts.class_names
    return {
        "images": dict(Counter(splits)),
        "classes": {classes[label] if label >= 0 else "none": count for label, count in
                    sorted(Counter(index.labels.tolist()).items())},
        "kinds": dict(Counter(image.kind for image in examined).most_common()),
        "animated": sum(image.animated for image in examined),
        "shorter_side": {"min": int(short.min()), "median": float(np.median(short)), "max": int(short.max())},
        "smaller_than_image_size": int((short < index.facts.image_size).sum()),
        "duplicates": sum(not image.problem for image in examined) - len(splits_of),
        "in_train_and_val": [index.name(i) for i, image in enumerate(examined)
                             if splits[i] == "val" and len(splits_of.get(image.sha256, ())) == 2],
        "unreadable": {index.name(i): image.problem for i, image in enumerate(examined) if image.problem},
    }  # fmt: skip


def main(options: argparse.Namespace) -> int:
    store = Store(options.runs)
    status = Recipe(options.recipe, options.set).status(store)
    data = status["data"].artifact if "data" in status else None
    if data is None:
        raise ValueError("stage data published nothing")
    figures = report(open_index(data))
    file = store.root / "data" / f"{data.key}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(figures, indent=1))
    unreadable, shared = figures["unreadable"], figures["in_train_and_val"]
    print(f"{figures['images'].get('train', 0)} train and {figures['images'].get('val', 0)} val images")
    for name in ("classes", "kinds", "shorter_side", "animated", "smaller_than_image_size", "duplicates"):
        print(f"{name}: {json.dumps(figures[name])}")
    print(_line(f"{len(shared)} val images are in train too", shared))
    print(_line(f"{len(unreadable)} unreadable", [f"{name} ({problem})" for name, problem in unreadable.items()]))
    print(f"full report: {file}")
    return 0


def _line(text: str, items: list[str]) -> str:
    return f"{text}: {', '.join(items[:SHOWN])}" if items else text


if __name__ == "__main__":
    sys.exit(run_script("data", main))
