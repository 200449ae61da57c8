"""The images of a data source."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One image: its ``file``, where its bytes lie there, and its class name and split if the source has them."""

    file: str
    size: int
    offset: int = 0
    label: str | None = None
    split: str | None = None
    name: str = ""  # a grouping rule is matched with it, or with the file where it is empty

    @classmethod
    def listed(cls, root: Path, file: str, label: str | None = None, split: str | None = None) -> "Entry":
        """Returns the entry of a file that a list names, relative to ``root``; one that isn't there has no bytes, and
        counts as unreadable later."""
        path = root / file
        return cls(file, path.stat().st_size if path.is_file() else 0, label=label, split=split)


@dataclass(frozen=True)
class Scan:
    """All images of a source in a fixed order; their files are relative to ``root``.

    ``by_number``: labels that are whole numbers count as numbers, so that 10 comes after 9. ``notes`` are lines on what
    was found, for whoever might have expected something else.
    """

    root: Path
    entries: list[Entry]
    storage: str = "files"
    empty_classes: list[str] = field(default_factory=list)
    by_number: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def class_names(self) -> list[str]:
        """The labels in the order of their numbers in the index."""
        names = {entry.label for entry in self.entries if entry.label is not None}
        if self.by_number and all(name.isascii() and name.isdigit() for name in names):
            return sorted(names, key=lambda name: (int(name), name))
        return sorted(names)
