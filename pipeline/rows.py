"""Names of the rows of the papers' tables: ``row:PAPER/TABLE/ROW``, wherever a recipe is asked for.

A row is a recipe with changes, in ``configs/rows/PAPER/TABLE.yaml``. PAPER may also be a path with a slash in it, to a
folder with tables of one's own.
"""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.known_recipes import CONFIGS
from pipeline.paper_table import SHARED, Row, read_table
from smalti.config.parsing import ConfigError

PREFIX = "row:"


def is_row(place: Path) -> bool:
    """Returns whether a recipe is named as a row, and not as a folder.

    >>> is_row(Path("row:VQGAN-LC/7/1000")), is_row(Path("configs/smoke"))
    (True, False)
    """
    return str(place).startswith(PREFIX)


def from_anywhere(place: Path, start: Path) -> Path:
    """Returns a recipe that is named as seen from ``start``, so that it is found from any folder.

    >>> from_anywhere(Path("row:VQGAN-LC/7/1000"), Path("/home"))
    PosixPath('row:VQGAN-LC/7/1000')
    >>> from_anywhere(Path("row:./my/1/a"), Path("/home"))
    PosixPath('row:/home/my/1/a')
    """
    if not is_row(place):
        return start / place
    paper, *rest = str(place).removeprefix(PREFIX).rsplit("/", 2)
    return Path(PREFIX + "/".join([str(start / paper), *rest])) if "/" in paper else place


def find_row(place: Path) -> Row:
    """Returns the row that ``row:PAPER/TABLE/ROW`` names, in upper or lower case.

    Raises:
        ConfigError: there is none such, or its table is written wrong.
    """
    paper, table, name = [*str(place).removeprefix(PREFIX).rsplit("/", 2), "", ""][:3]
    tables = _tables(paper, str(place))
    file = tables[_known("table", table, list(tables), str(place))]
    rows = read_table(file, _label(paper, file))
    return rows[_known("row", name, list(rows), str(place))]


def find_rows(which: str) -> list[Row]:
    """Returns the rows of ``PAPER`` or of ``PAPER/TABLE``; of all papers for ""."""
    if not which:
        return [row for paper in _papers() for row in find_rows(paper)]
    paper, table = (which, "") if Path(which).is_dir() or "/" not in which else which.rsplit("/", 1)
    tables = _tables(paper, which)
    if table:
        tables = {table: tables[_known("table", table, list(tables), which)]}
    return [row for file in tables.values() for row in read_table(file, _label(paper, file)).values()]


def _papers() -> dict[str, Path]:
    """Returns the folders of the papers' tables by name."""
    return {folder.name: folder for folder in sorted((CONFIGS / "rows").iterdir()) if folder.is_dir()}


def _tables(paper: str, place: str) -> dict[str, Path]:
    """Returns the files of a paper's tables by name; 2 stands before 10."""
    papers = _papers()
    folder = Path(paper) if "/" in paper else papers[_known("paper", paper, list(papers), place)]
    if not folder.is_dir():
        raise ConfigError(f"{place}: {folder}: no such folder of tables")
    files = [file for file in folder.glob("*.yaml") if file.name != SHARED]
    parts = {file: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", file.stem)] for file in files}
    return {file.stem: file for file in sorted(files, key=lambda file: parts[file])}


def _label(paper: str, file: Path) -> str:
    """Returns what names the folder of a table in ``row:``: the path as given, or the paper as it is written."""
    return paper if "/" in paper else file.parent.name


def _known(what: str, name: str, known: Sequence[str], place: str) -> str:
    """Returns the one of ``known`` that ``name`` is, in upper or lower case."""
    if name in known:
        return name
    folded = {one.casefold(): one for one in known}
    if name.casefold() in folded:
        return folded[name.casefold()]
    problem = f"unknown {what} {name!r}" if name else f"names no {what}"
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f"did you mean {folded[near[0]]!r}?" if near else f"known: {', '.join(map(repr, known))}"
    raise ConfigError(f"{place}: {problem}; {hint}")
