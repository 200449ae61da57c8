"""What weights files hash to."""

import contextlib
import json
import os
from pathlib import Path

from configs.weights import locate_weights
from pipeline.artifact import sha256_of


def hash_weights(weights: str, cache: Path) -> str:
    """Returns the sha256 of a weights file, remembered in ``cache`` by path, size and time of change."""
    path = locate_weights(weights)
    stat = path.stat()
    entry = f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
    known: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):  # only a memory: it is made anew
        known = json.loads(cache.read_text())
    if entry not in known:
        known[entry] = sha256_of(path)
        with contextlib.suppress(OSError):  # runs of somebody else, or on a disk that is read-only or full
            cache.parent.mkdir(parents=True, exist_ok=True)
            temporary = cache.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps(known, indent=1))
            temporary.rename(cache)
    return known[entry]
