"""An image of a data source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One image: its ``file``, where its bytes lie there, and its class name and split if the source has them."""

    file: str
    size: int
    offset: int = 0
    label: str | None = None
    split: str | None = None
    name: str = ""  # a grouping rule is matched with it, or with the file where it is empty
