"""FFHQ's own list, ffhq-dataset-v2.json: paths and the published split."""

import json
from pathlib import Path
from typing import Any

from datamodules.entry import Entry, Scan
from datamodules.index import Split

PLACES = ("image", "thumbnail")  # 1024 px and 128 px
SPLIT_OF: dict[str, Split] = {"training": "train", "validation": "val"}


def scan_ffhq(root: Path, list_file: Path) -> Scan:
    """Returns the images of FFHQ in their order, without labels: those of 1024 px, or the thumbnails where only these
    lie below ``root``.

    Raises:
        ValueError: a file of another form.
    """
    try:
        told: dict[str, dict[str, Any]] = json.loads(list_file.read_text(encoding="utf-8"))
        records = [record for _, record in sorted(told.items(), key=lambda item: int(item[0]))]
        paths = {place: [str(record[place]["file_path"]) for record in records] for place in PLACES}
        splits = [SPLIT_OF[record["category"]] for record in records]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{list_file}: not FFHQ's list ({type(error).__name__}: {error}); a list of another data set is text: "
            "path[,label[,split]]"
        ) from error
    found = [place for place in PLACES if paths[place] and (root / paths[place][0]).parent.is_dir()]
    taken = paths[found[0] if found else PLACES[0]]
    entries = [Entry.listed(root, path, split=split) for path, split in zip(taken, splits, strict=True)]
    return Scan(root, entries, notes=["the thumbnails, of 128 px"] if found == ["thumbnail"] else [])
