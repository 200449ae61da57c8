"""What a user writes: YAML files, and changes of them."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from smalti.config.parsing import ConfigError


@dataclass(frozen=True)
class Change:
    """``stage.key = value``, as ``source`` says; relative paths in the value start from ``folder``."""

    stage: str
    key: str
    value: Any
    folder: Path
    source: str

    @classmethod
    def of(cls, dotted: str, value: object, folder: Path, source: str) -> "Change":
        """Returns the change of ``stage.key`` to a value."""
        stage, _, key = dotted.partition(".")
        if not stage or not key:
            raise ConfigError(f"{source}: {dotted!r}: expected stage.key")
        return cls(stage, key, value, folder, source)


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, of which YAML would take the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            name = (key.tag, str(key.value))
            if name in seen:
                problem = f"key {key.value!r} stands twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(name)
        return node


def read_yaml(path: Path) -> dict[str, Any]:
    """Returns the mapping in a YAML file."""
    try:
        data = yaml.load(path.read_text(), _Loader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); is the path right?") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"{path}: {line}not valid YAML ({getattr(error, 'problem', error)})") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected 'key: value' lines, found {type(data).__name__}")
    return data


def read_change(text: str, folder: Path, source: str) -> Change:
    """Returns the change that ``stage.key=value`` says; the value is read as YAML."""
    dotted, equals, written = text.partition("=")
    if not equals:
        raise ConfigError(f"{source}: {text!r}: expected stage.key=value")
    try:
        value = yaml.safe_load(written)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", error)
        raise ConfigError(f"{source}: {text}: not valid YAML ({problem}); quote it?") from error
    return Change.of(dotted, value, folder, source)


def override(data: dict[str, Any], change: Change) -> None:
    """Sets the change's ``a.b`` in nested mappings."""
    *parents, last = change.key.split(".")
    for parent in parents:
        child = data.setdefault(parent, {})
        if not isinstance(child, dict):
            where = f"{change.source}: {change.stage}.{change.key}"
            raise ConfigError(f"{where}: {parent!r} holds the value {child!r}, not keys")
        data = child
    data[last] = copy.deepcopy(change.value)  # which a later change may alter
