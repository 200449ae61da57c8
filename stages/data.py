"""Stage data: the index of a data set. It needs no torch."""

import hashlib
import json
import re
import sys
from dataclasses import asdict

import numpy as np

from datamodules.entry import Scan
from datamodules.index import IndexFacts, write_index
from datamodules.sources import scan
from datamodules.split import choose_images, split_by_group
from pipeline.job import Job, run_stage
from pipeline.listing import EMBEDDED

STAGE = "data"
# Line breaks, which would split a line of files.txt, and surrogates, which stand for bytes that aren't UTF-8.
UNFIT = re.compile("[\n\r\ud800-\udfff]")


def check_source(source: Scan) -> None:
    """Raises ValueError for a source without images, a class folder without images, or a name that the index can't
    hold."""
    if not source.entries:
        raise ValueError(f"data root {source.root}: no images in it; is source.kind in data.yaml right?")
    if source.empty_classes:
        raise ValueError(
            f"data root {source.root}: class folder {source.empty_classes[0]!r} holds no images; fill or remove it"
        )
    for entry in source.entries:
        for name in (entry.file, entry.name):
            if UNFIT.search(name):
                raise ValueError(
                    f"data root {source.root}: {name!r}: a line break or bytes that aren't UTF-8 in a name; rename it"
                )


def say_missing_classes(labels: np.ndarray, splits: np.ndarray, class_names: list[str]) -> None:
    """Prints which classes have no images in train, or none in val; and labels that are numbers, but not their own."""
    for number, split, effect in ((0, "train", "no prior can learn them"), (1, "val", "no score can count them")):
        there = set(labels[splits == number].tolist())
        missing = [name for label, name in enumerate(class_names) if label not in there]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            print(f"  classes without {split} images: {', '.join(missing[:3])}{more}; {effect}", flush=True)
    if (
        class_names
        and all(name.isdigit() for name in class_names)
        and class_names != list(map(str, range(len(class_names))))
    ):
        print(f"  label {class_names[0]} is class 0, {class_names[-1]} class {len(class_names) - 1}", flush=True)


def build(job: Job) -> None:
    """Lists the images of the source, splits them into train and val, and publishes the index."""
    config = job.config
    embedded, ours = config.source.kind == "embedded", config.source.kind in ("embedded", "parquet", "hub")
    if embedded:
        unpacked = f"data/{EMBEDDED.stem}-{hashlib.sha256(EMBEDDED.read_bytes()).hexdigest()[:8]}"
    else:
        told = f"{job.identity['listing']} {config.source}"  # other columns are other images
        unpacked = f"data/{config.source.kind}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    (job.store.root / "data").mkdir(exist_ok=True)
    source = scan(config.source, EMBEDDED, job.store.root / unpacked)
    check_source(source)
    entries = source.entries
    for note in source.notes:
        print(f"  {note}", flush=True)
    files = list(dict.fromkeys(entry.file for entry in entries))
    number = {file: i for i, file in enumerate(files)}
    records = np.array([(number[e.file], e.offset, e.size) for e in entries], dtype=np.int64)
    class_names = source.class_names
    if config.num_classes is not None and len(class_names) != config.num_classes:
        raise ValueError(
            f"data root {source.root}: {len(class_names)} classes, data.yaml says num_classes {config.num_classes}"
        )
    class_number = {name: i for i, name in enumerate(class_names)}
    labels = np.array([class_number.get(entry.label or "", -1) for entry in entries], dtype=np.int64)
    if all(entry.split for entry in entries):
        splits = np.array([entry.split == "val" for entry in entries], dtype=np.uint8)
    else:
        names = [entry.name or entry.file for entry in entries]
        splits = split_by_group(names, config.val_fraction, config.group, config.seed)
    if config.max_images is not None:
        chosen = choose_images(splits, config.max_images, config.seed)
        records, labels, splits = records[chosen], labels[chosen], splits[chosen]
    say_missing_classes(labels, splits, class_names)
    num_val = int(splits.sum())
    if not 0 < num_val < len(splits):
        raise ValueError(
            f"data root {source.root}: {len(splits) - num_val} train and {num_val} val images; both are needed"
        )

    facts = IndexFacts(
        storage="lmdb" if source.storage == "lmdb" else "files",
        image_size=config.image_size,
        class_names=class_names,
        num_train=len(splits) - num_val,
        num_val=num_val,
        listing=str(job.identity["listing"]),
        upright=config.upright,
    )
    root = str(source.root.relative_to(job.store.root)) if ours else str(source.root)
    job.publish(
        files=write_index(job.work / "index", files, records, labels, splits, facts),
        facts={
            "root": root,
            "max_unreadable": config.max_unreadable,
            **{k: v for k, v in asdict(facts).items() if k != "listing"},
        },
        images=len(splits),
        summary=f"{facts.num_train} train and {num_val} val images, {len(class_names)} classes",
        made_by={"command": json.dumps(sys.argv[1:])},
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(STAGE, build)
