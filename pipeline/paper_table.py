"""A table of a paper, read from its YAML."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.schema.protocols import PROTOCOLS
from configs.schema.rows import Changes, RowConfig, SharedConfig, TableConfig
from pipeline.config import Change, read_yaml
from pipeline.known_recipes import CONFIGS, known_recipes
from smalti.config.parsing import ConfigError, parse, unknown

SHARED = "shared.yaml"


@dataclass(frozen=True)
class Row:
    """A row of a table: a recipe, and changes of it, the shared ones before its own."""

    paper: str
    table: str
    name: str
    caption: str
    recipe: Path
    changes: list[Change]
    config: RowConfig

    def plain(self) -> dict[str, Any]:
        """Returns the row as JSON values; ``set`` holds all its changes, as ``--set`` takes them, and
        ``measured_here_as`` the figures of scores.json that are measured as the paper's."""
        values = dataclasses.asdict(self.config)
        del values["uses"]
        values["protocols"] = {
            figure: how for figure, how in self.config.protocols.items() if figure in self.config.expected
        }
        values["measured_here_as"] = {
            figure: PROTOCOLS[protocol].ours
            for figure, protocol in values["protocols"].items()
            if PROTOCOLS[protocol].ours
        }
        values["set"] = [f"{change.stage}.{change.key}={json.dumps(change.value)}" for change in self.changes]
        return {"paper": self.paper, "table": self.table, "row": self.name, "caption": self.caption, **values}


def read_table(file: Path, paper: str) -> dict[str, Row]:
    """Returns the rows of a table by name, in the paper's order.

    Raises:
        ConfigError: an unknown or missing key or a wrong type, in one line with file and row.
    """
    table = parse(TableConfig, read_yaml(file), str(file), {})
    shared = _shared(table, file)
    rows = {}
    for name, own in table.rows.items():
        where = f"{file}: {name}"
        if not name or Path(name).name != name:
            raise ConfigError(f"{where}: expected a name without a slash, as row:PAPER/TABLE/ROW has it")
        config = parse(RowConfig, _joined(table.each, own), where, {})
        for use in config.uses:
            if use not in shared:
                raise ConfigError(f"{where}: uses: {unknown('name', use, list(shared))}")
        recipe = recipe_folder(config.recipe, file, where)
        written = [*(item for use in config.uses for item in shared[use].items()), *config.set.items()]
        changes = [Change.of(dotted, value, recipe, where) for dotted, value in written]
        rows[name] = Row(paper, file.stem, name, table.caption, recipe, changes, config)
    figures = {figure for row in rows.values() for figure in row.config.expected}
    for row in rows.values():
        for figure, protocol in row.config.protocols.items():
            if figure not in figures:
                raise ConfigError(f"{file}: {row.name}: protocols: {unknown('figure', figure, sorted(figures))}")
            if protocol not in PROTOCOLS:
                raise ConfigError(
                    f"{file}: {row.name}: protocols.{figure}: {unknown('protocol', protocol, list(PROTOCOLS))}"
                )
    return rows


def _shared(table: TableConfig, file: Path) -> dict[str, Changes]:
    """Returns the shared changes of the table and of ``shared.yaml`` beside it, by name."""
    beside = file.parent / SHARED
    if not beside.is_file():
        return table.shared
    others = parse(SharedConfig, read_yaml(beside), str(beside), {}).shared
    if twice := sorted(others.keys() & table.shared.keys()):
        raise ConfigError(f"{file}: shared: {twice[0]!r} is also in {beside}; rename one")
    return others | table.shared


def _joined(each: Changes, own: Changes) -> Changes:
    """Returns a row with what all rows have: lists, mappings and notes together, of other values the row's."""
    joined = each | own
    for key in each.keys() & own.keys():
        common, value = each[key], own[key]
        if isinstance(common, list) and isinstance(value, list):
            joined[key] = common + value
        elif isinstance(common, dict) and isinstance(value, dict):
            joined[key] = {name: item for name, item in common.items() if name not in value} | value
        elif key == "note" and isinstance(common, str) and isinstance(value, str):
            joined[key] = f"{value}; {common}"
    return joined


def recipe_folder(name: str, file: Path, where: str) -> Path:
    """Returns the folder of the recipe that something in ``file`` names: below configs/, or, beginning with a dot, from
    the file's folder."""
    folder = (file.parent if name.startswith(".") else CONFIGS) / name
    if not (folder / "pipeline.yaml").is_file():
        raise ConfigError(f"{where}: recipe: {unknown('recipe', name, known_recipes())}")
    return folder
