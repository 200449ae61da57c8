"""What a user writes: YAML files, and ``key=value`` overrides of them."""

from pathlib import Path
from typing import Any, TypeVar

import yaml

from smalti.config.parsing import ConfigError

T = TypeVar("T")


def read_yaml(path: Path) -> dict[str, Any]:
    """Returns the mapping in a YAML file."""
    try:
        data = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); is the path right?") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"{path}: {line}not valid YAML ({getattr(error, 'problem', error)})") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected 'key: value' lines, found {type(data).__name__}")
    return data


def override(data: dict[str, Any], dotted: str, value: str) -> None:
    """Sets ``a.b=value`` in nested mappings; the value is read as YAML."""
    *parents, last = dotted.split(".")
    for parent in parents:
        child = data.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ConfigError(f"command line: {dotted}: {parent!r} holds the value {child!r}, not keys")
        data = child
    try:
        data[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", error)
        raise ConfigError(f"command line: {dotted}={value}: not valid YAML ({problem}); quote it?") from error
