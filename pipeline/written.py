"""What is written of a recipe: its files, those of the recipes that it is based on, and the changes to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.schema.stages import STAGES
from pipeline.config import Change, override, read_change, read_yaml
from pipeline.imports import is_import
from pipeline.rows import find_row, from_anywhere, is_row
from pipeline.wildcards import spread
from smalti.config.parsing import ConfigError, short, unknown

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
        raise ConfigError(f"{file}: offline: {short(data['offline'])} given, expected true or false")
    if not isinstance(data.get("set", []), list):
        raise ConfigError(f"{file}: set: {short(data['set'])} given, expected a list of stage.key=value")
    if wrong := [item for item in data.get("set", []) if not isinstance(item, str)]:
        raise ConfigError(f"{file}: set: {short(wrong[0])} given, expected text, stage.key=value")
    return data | {"set": [read_change(text, folder, f"{file}: set") for text in data.get("set", [])]}


@dataclass(frozen=True)
class Document:
    """A stage's YAML after all changes: the ``file`` that it comes from, its ``data``, and {key: folder} from which the
    relative paths below that key start; "" holds all."""

    file: Path
    data: dict[str, Any]
    folders: dict[str, Path]


@dataclass(frozen=True)
class WrittenRecipe:
    """``stages`` with their inputs as pipeline.yaml lists them, the folder of the ``author`` who lists them, whether it
    is ``offline``, the ``folders`` in which a stage's YAML may lie, and the ``changes`` by stage, in order."""

    stages: dict[str, Any]
    author: Path
    offline: bool
    folders: list[Path]
    changes: dict[str, list[Change]]

    def document(self, stage: str) -> Document:
        """Returns the YAML of a stage, with its changes."""
        places = [folder / f"{stage}.yaml" for folder in self.folders]
        file = next((place for place in places if place.is_file()), places[0])
        data, folders = read_yaml(file), {"": file.parent}
        for change in self.changes.get(stage, []):
            override(data, change)
            folders = {key: folder for key, folder in folders.items() if not key.startswith(f"{change.key}.")}
            folders[change.key] = change.folder
        return Document(file, data, folders)


def read_recipe(place: Path, overrides: Sequence[str]) -> WrittenRecipe:
    """Returns what is written of a recipe; ``overrides`` are ``stage.key=value`` texts, which beat the files.

    Raises:
        ConfigError: a file that can't be read, or no stages.
    """
    chain = read_chain(place)
    author, stages = next(((folder, data["stages"]) for folder, data in chain if "stages" in data), (place, None))
    if not isinstance(stages, dict) or not stages:
        raise ConfigError(f"{place / 'pipeline.yaml'}: stages: missing; expected one entry a stage")
    offline = next((data["offline"] for _, data in chain if "offline" in data), False)
    inherited = [change for _, data in reversed(chain) for change in data.get("set", [])]
    asked = [read_change(text, chain[0][0], "command line") for text in overrides]
    trained = [stage for stage, given in stages.items() if stage in STAGES and not is_import(given)]
    changes = _by_stage(spread([*inherited, *asked], trained), list(stages))
    return WrittenRecipe(stages, author, offline, [folder for folder, _ in chain], changes)


def _by_stage(written: Iterable[Change], stages: list[str]) -> dict[str, list[Change]]:
    """Returns {stage: its changes, in order}; ConfigError for a stage that isn't one of ``stages``."""
    changes: dict[str, list[Change]] = {}
    for change in written:
        if change.stage not in stages:
            where = f"{change.source}: {change.stage}.{change.key}"
            raise ConfigError(f"{where}: {unknown('stage', change.stage, stages)}")
        changes.setdefault(change.stage, []).append(change)
    return changes
