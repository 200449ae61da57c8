"""The pipeline.yaml of a recipe and of those that it is based on, and the changes that they list."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.config import Change, read_change, read_yaml
from pipeline.rows import find_row, from_anywhere, is_row
from smalti.config.parsing import ConfigError, unknown

KEYS = ["stages", "base", "set", "offline"]  # of pipeline.yaml


def read_chain(place: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Returns (folder, pipeline.yaml) of the recipe, of its base, and so on, ``set`` as a list of Change.

    A row stands as its recipe's folder, and a pipeline.yaml that has nothing but ``set``.
    """
    chain: list[tuple[Path, dict[str, Any]]] = []
    seen: set[Path] = set()
    following: Path | None = place
    while following is not None:
        here = following
        if (same := here if is_row(here) else here.resolve()) in seen:
            raise ConfigError(f"{here}: is its own base")
        seen.add(same)
        if is_row(here):
            row = find_row(here)
            following = row.recipe
            chain.append((row.recipe, {"set": row.changes}))
        else:
            data = read_pipeline(here)
            following = from_anywhere(Path(str(data["base"])), here) if "base" in data else None
            chain.append((here, data))
    return chain


def read_pipeline(folder: Path) -> dict[str, Any]:
    """Returns a recipe's pipeline.yaml."""
    file = folder / "pipeline.yaml"
    data = read_yaml(file)
    for key in data:
        if key not in KEYS:
            raise ConfigError(f"{file}: {unknown('key', str(key), KEYS)}")
    if not isinstance(data.get("offline", False), bool):
        raise ConfigError(f"{file}: offline: {data['offline']!r} given, expected true or false")
    if not isinstance(data.get("set", []), list):
        raise ConfigError(f"{file}: set: {data['set']!r} given, expected a list of stage.key=value")
    if wrong := [item for item in data.get("set", []) if not isinstance(item, str)]:
        raise ConfigError(f"{file}: set: {wrong[0]!r} given, expected text, stage.key=value")
    return data | {"set": [read_change(text, folder, f"{file}: set") for text in data.get("set", [])]}


def changes_of(written: Sequence[Change], stages: list[str]) -> dict[str, list[Change]]:
    """Returns {stage: its changes, in order}."""
    changes: dict[str, list[Change]] = {}
    for change in written:
        if change.stage not in stages:
            where = f"{change.source}: {change.stage}.{change.key}"
            raise ConfigError(f"{where}: {unknown('stage', change.stage, stages)}")
        changes.setdefault(change.stage, []).append(change)
    return changes
