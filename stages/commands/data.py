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
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.examine import Examined, examine
from datamodules.index import SPLITS, ImageIndex
from pipeline.commands import run_script
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from stages.results.published import open_index
from stages.results.unreadable import Tolerance

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
    splits = [SPLITS[int(split)] for split in index.splits]
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
    index = open_index(data)
    figures = report(index)
    file = report_file(store, data)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(figures, indent=1))
    unreadable, shared = figures["unreadable"], figures["in_train_and_val"]
    print(f"{figures['images'].get('train', 0)} train and {figures['images'].get('val', 0)} val images")
    for name in ("classes", "kinds", "shorter_side", "animated", "smaller_than_image_size", "duplicates"):
        print(f"{name}: {json.dumps(figures[name])}")
    print(_line(f"{len(shared)} val images are in train too", shared))
    print(_line(f"{len(unreadable)} unreadable", [f"{name} ({problem})" for name, problem in unreadable.items()]))
    print(f"full report: {file}")
    problems = stops(data, figures)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


def report_file(store: Store, data: Artifact) -> Path:
    return store.root / "data" / f"{data.key}.json"


def read_report(store: Store, data: Artifact) -> dict[str, Any] | None:
    """Returns the report that was written on a data set; None if there is none."""
    file = report_file(store, data)
    return json.loads(file.read_text()) if file.is_file() else None


def stops(data: Artifact, figures: Mapping[str, Any]) -> list[str]:
    """Returns where a run would stop, since more images can't be read than data.max_unreadable allows."""
    index, found = open_index(data), []
    of_split = {index.name(i): SPLITS[int(split)] for i, split in enumerate(index.splits)}
    for split in SPLITS:
        names = [name for name in figures["unreadable"] if of_split[name] == split]
        tolerance = Tolerance.of(data, len(index.members(split)), report_file(Store(data.path.parents[2]), data))
        if problem := tolerance.problem(names):
            found.append(f"{split}: a run would stop: {problem}")
    return found


def _line(text: str, items: list[str]) -> str:
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return f"{text}: {', '.join(items[:SHOWN])}{more}" if items else text


if __name__ == "__main__":
    sys.exit(run_script("data", main))
