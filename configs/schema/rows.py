"""The YAML of a paper's table, ``configs/rows/PAPER/TABLE.yaml``: its rows as recipes with changes."""

from dataclasses import dataclass, field
from typing import Any

Changes = dict[str, Any]  # {stage.key: value}, as ``--set stage.key=value`` says them; later ones beat earlier ones


@dataclass(frozen=True, kw_only=True)
class RowConfig:
    """What a row of a table trains, and the figures that the paper prints for it."""

    recipe: str
    """Folder of the recipe below configs/; one that begins with a dot starts from the table's folder."""
    uses: tuple[str, ...] = ()
    """Names of shared changes, in the order in which they are made."""
    set: Changes = field(default_factory=dict)
    """Changes of this row alone, made after the shared ones."""
    books: int
    """Codebooks of the tokenizer."""
    codes: int
    """Codes of each book."""
    positions: int
    """Positions of an image's token map, h * w."""
    expected: dict[str, float]
    """Figures as the paper prints them; usage in per cent: of val tokens, ``generated usage`` of generated ones."""
    protocols: dict[str, str] = field(default_factory=dict)
    """By figure, how the paper measured it: one of the names in configs/schema/protocols.py."""
    tokenizer_m: float | None = None
    """Parameters of the tokenizer in millions, as the paper prints them."""
    prior_m: float | None = None
    """Parameters of the AR prior in millions, as the paper prints them."""
    note: str = ""
    """How the row differs from what the paper did."""

    def __post_init__(self) -> None:
        if not self.expected:
            raise ValueError("expected: empty; a row states at least one figure")


@dataclass(frozen=True, kw_only=True)
class TableConfig:
    """A table. A row adds its lists, mappings and note to those of ``each``; its other values replace them."""

    caption: str
    """What the table compares, on which data, by which protocol."""
    shared: dict[str, Changes] = field(default_factory=dict)
    """Changes that several rows use, by name."""
    each: dict[str, Any] = field(default_factory=dict)
    """What all rows have."""
    rows: dict[str, dict[str, Any]]
    """Rows by name, in the paper's order; with ``each``, a RowConfig each."""


@dataclass(frozen=True, kw_only=True)
class SharedConfig:
    """``shared.yaml`` beside the tables."""

    shared: dict[str, Changes]
    """Changes that rows of several tables use, by name."""
