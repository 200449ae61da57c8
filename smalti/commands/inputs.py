"""Files that a command reads."""

from collections.abc import Sequence
from pathlib import Path


def image_files(places: Sequence[Path]) -> dict[str, Path]:
    """Returns {name: file} of files, and of all images below folders, sorted; names are relative to their folder.

    Raises:
        ValueError: a place that isn't there, a folder without images, or two files of one name.
    """
    from smalti.images import SUFFIXES

    named: dict[str, Path] = {}
    for place in places:
        files = [place]
        if place.is_dir():
            files = sorted(file for file in place.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
            if not files:
                raise ValueError(f"{place}: holds no images ({', '.join(SUFFIXES)})")
        elif not place.is_file():
            raise ValueError(f"{place}: no such file or folder")
        for file in files:
            name = str(file.relative_to(place)) if place.is_dir() else file.name
            if name in named:
                raise ValueError(f"{named[name]} and {file} are both called {name}; give a folder that holds both")
            named[name] = file
    return named
