"""Folders that are unpacked from archives: they appear whole or not at all."""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

LEFT_OVER = 600  # seconds after which an unpacking of seconds is somebody's who was killed


def unpack_whole(folder: Path, fill: Callable[[Path], None]) -> None:
    """Makes ``folder``, unless it is there, of what ``fill`` writes into the new folder that it is given.

    One rename at the end makes it appear whole. If two recipes unpack it at the same time, the slower one takes the
    other's folder.
    """
    for left_over in folder.parent.glob(f".{folder.name}.*"):  # of processes that were killed here
        if abs(time.time() - left_over.stat().st_mtime) > LEFT_OVER:  # clocks are set back too
            shutil.rmtree(left_over, ignore_errors=True)
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        unpacked = Path(temporary, "unpacked")
        unpacked.mkdir()
        fill(unpacked)
        try:
            unpacked.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
