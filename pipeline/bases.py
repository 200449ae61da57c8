"""The pipeline.yaml of a recipe and of those that it is based on, and the changes that they list."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.config import read_yaml
from smalti.config.parsing import ConfigError, unknown

KEYS = ["stages", "base", "set", "offline"]  # of pipeline.yaml


def read_chain(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Returns (folder, pipeline.yaml) of the recipe, of its base, and so on."""
    chain: list[tuple[Path, dict[str, Any]]] = []
    while True:
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
        if folder.resolve() in [place.resolve() for place, _ in chain]:
            raise ConfigError(f"{file}: base: {folder} is its own base")
        chain.append((folder, data))
        if "base" not in data:
            return chain
        folder = folder / str(data["base"])


def changes_of(written: Sequence[tuple[str, Path]], stages: list[str]) -> dict[str, list[tuple[str, str, Path]]]:
    """Returns {stage: [(key, value, folder)]} of ``stage.key=value`` texts, each with the folder from which its
    relative paths start."""
    changes: dict[str, list[tuple[str, str, Path]]] = {}
    for text, folder in written:
        dotted, equals, value = text.partition("=")
        stage, dot, key = dotted.partition(".")
        if not equals or not dot:
            raise ConfigError(f"command line: {text!r}: expected stage.key=value")
        if stage not in stages:
            raise ConfigError(f"command line: {text!r}: {unknown('stage', stage, stages)}")
        changes.setdefault(stage, []).append((key, value, folder))
    return changes
