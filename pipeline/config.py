"""What a user writes: YAML files, and changes of them."""

import copy
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from smalti.config.parsing import ConfigError, short


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
            raise ConfigError(f"{source}: {short(dotted)}: expected stage.key")
        return cls(stage, key, value, folder, source)


LARGEST = 2**20  # bytes of a YAML file, and values in it, each alias written out; the longest here has 10,000 bytes


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, of which YAML would take the last, and aliases within aliases, of
    which a few lines are gigabytes."""

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None and _written_out(node, {}) > LARGEST:
            raise yaml.MarkedYAMLError(problem="its aliases, written out, are too many values; write them out")
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            name, line = (key.tag, str(key.value)), key.start_mark.line + 1
            if name in seen:
                problem = f"key {key.value!r} stands twice, first in line {seen[name]}"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen[name] = line
        return node


def _written_out(node: yaml.Node, known: dict[int, float]) -> float:
    """Returns how many values a node has with each alias written out: infinitely many if it is a part of itself."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = math.inf  # while its parts are counted
        parts = [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
        known[id(node)] = 1 + sum(_written_out(part, known) for part in parts)
    return known[id(node)]


def read_yaml(path: Path) -> dict[str, Any]:
    """Returns the mapping in a YAML file."""
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path}: is no file; is the path right?")
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"{path}: {path.stat().st_size} bytes, which is no recipe's YAML; is the path right?")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); is the path right?") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from error
    data = _load(text, f"{path}: ")
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected 'key: value' lines, found {type(data).__name__}")
    return data


def _load(text: str, source: str) -> Any:
    """Returns what YAML says; ConfigError, which starts with ``source``, if it isn't valid."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark and "\n" in text.strip() else ""
        raise ConfigError(f"{source}{line}not valid YAML ({getattr(error, 'problem', None) or error})") from error
    except RecursionError as error:
        raise ConfigError(f"{source}not valid YAML here (lists or keys hundreds deep)") from error
    except ValueError as error:  # a number or date that YAML's form allows and Python's doesn't
        raise ConfigError(f"{source}not valid YAML ({error})") from error


def read_change(text: str, folder: Path, source: str) -> Change:
    """Returns the change that ``stage.key=value`` says; the value is read as YAML."""
    dotted, equals, written = text.partition("=")
    if not equals:
        raise ConfigError(f"{source}: {short(text)}: expected stage.key=value")
    value = _load(written, f"{source}: {text[:100]}: ")
    return Change.of(dotted, value, folder, source)


def override(data: dict[str, Any], change: Change) -> None:
    """Sets the change's ``a.b`` in nested mappings."""
    *parents, last = change.key.split(".")
    for parent in parents:
        child = data.setdefault(parent, {})
        if not isinstance(child, dict):
            where = f"{change.source}: {change.stage}.{change.key}"
            raise ConfigError(f"{where}: {parent!r} holds the value {short(child)}, not keys")
        data = child
    data[last] = copy.deepcopy(change.value)  # which a later change may alter
