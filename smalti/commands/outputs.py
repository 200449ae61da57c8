"""Files that a command writes: none outside of its folder, none over another."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO


def png_files(folder: Path, names: Sequence[str], may_exist: bool = False) -> list[Path]:
    """Returns the PNG file below ``folder`` for each name, an image's suffix replaced by .png.

    Raises:
        ValueError: a name that is empty or leads out of the folder, two names of one file, or a file that exists and
            may not.
    """
    from smalti.images import SUFFIXES

    owners: dict[Path, str] = {}
    for name in names:
        path = Path(name)
        if path.is_absolute() or ".." in path.parts or not path.name or "\0" in name:
            raise ValueError(f"name {name!r}: the name of a file below the folder is needed; rename it")
        file = folder / (path.with_suffix("") if path.suffix.lower() in SUFFIXES else path)
        file = file.with_name(f"{file.name}.png")
        if file in owners:
            raise ValueError(f"names {owners[file]!r} and {name!r} would be one file, {file}; rename one of them")
        owners[file] = name
    for file in owners:
        if file.exists() and not may_exist:
            raise ValueError(f"{file} exists; delete it, or name another folder with --out")
    return list(owners)


@contextlib.contextmanager
def new_file(file: Path) -> Iterator[IO[bytes]]:
    """Yields a file to write; it gets its name ``file`` at the end, and nothing is left behind after an error.

    Raises:
        ValueError: the file exists, or can't be written; at the beginning, before any work is done.
    """
    if file.exists():
        raise ValueError(f"{file} exists; delete it, or name another file with --out")
    unfinished = file.with_name(f"{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = unfinished.open("wb")
    except OSError as error:
        raise ValueError(f"--out {file}: cannot be written ({error.strerror})") from error
    try:
        with stream:
            yield stream
        unfinished.rename(file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
