"""What weights files hash to, and whether they are what was fetched."""

import contextlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from smalti.artifact import sha256_of
from smalti.config.weights import locate_weights, weights_folder, weights_of

LEFT_OVER = 60  # seconds after which a file of milliseconds is somebody's who was killed


def read_ledger() -> dict[str, dict[str, str]]:
    """Returns what ``make weights`` noted of the files that it fetched, by name: sha256, source, licence."""
    file = weights_folder() / "weights.json"
    try:
        return json.loads(file.read_text()) if file.is_file() else {}
    except ValueError as error:
        raise ValueError(f"{file}: not readable ({error}); delete it, and the weights that are to be trusted no "
                         "more, and run 'make weights' again") from error  # fmt: skip


def hash_weights(weights: str, cache: Path) -> str:
    """Returns the sha256 of a weights file, remembered in ``cache`` by path, size, times of change, and inode: the
    inode's own time, which nobody sets, tells of a file that was overwritten in place.

    Raises:
        ValueError: the file isn't there, or isn't what ``make weights`` fetched under its name.
    """
    path = locate_weights(weights)
    stat = path.stat()
    entry = f"{path}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}:{stat.st_ino}"
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
            for left_over in cache.parent.glob(f"{cache.stem}.[0-9]*"):  # of processes that were killed here
                if abs(time.time() - left_over.stat().st_mtime) > LEFT_OVER:  # clocks are set back too
                    left_over.unlink(missing_ok=True)
    found = known[entry]
    fetched = read_ledger().get(weights, {}).get("sha256", found)
    if found != fetched:
        raise ValueError(f"weights {path}: sha256 {found[:16]}, fetched as {fetched[:16]}: fetch it again (delete it "
                         "and run 'make weights')")  # fmt: skip
    return found


def unusable_weights(configs: Iterable[Any], cache: Path) -> list[str]:
    """Returns what is wrong with the weights files that ``configs`` name, a line for each."""
    found = []
    for weights in dict.fromkeys(name for config in configs for name in weights_of(config)):
        try:
            hash_weights(weights, cache)
        except ValueError as error:
            found.append(str(error))
    return found
