"""Mappings to frozen dataclasses, strictly; and back to the plain form that is hashed and stored."""

import dataclasses
import difflib
import math
import reprlib
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from smalti.config.field_types import alternatives, classes_beside, classes_of, describe, words_of

T = TypeVar("T")

# Metadata "hash" of a field that came later: it changes no key of a config that doesn't use it.
UNLESS_DEFAULT = "unless default"


class ConfigError(ValueError):
    """Something the user wrote in a recipe or on the command line can't be right."""


_SHORTENED = reprlib.Repr()
_SHORTENED.maxstring = _SHORTENED.maxother = 100
_SHORTENED.maxlist = _SHORTENED.maxdict = 8


def short(value: object) -> str:
    """Returns a value as messages show it, which may be of any size: its repr, cut where it is long.

    >>> short([0] * 1000)
    '[0, 0, 0, 0, 0, 0, 0, 0, ...]'
    """
    return _SHORTENED.repr(value)


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """Returns "unknown WHAT NAME" with the nearest known name."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"unknown {what} {short(name)}; " + (f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}")


def parse(schema: type[T], data: Mapping[str, Any], source: str, folders: Path | Mapping[str, Path]) -> T:
    """Returns ``schema`` filled from ``data``; ``source`` names the file in errors, ``folders`` resolves its paths.

    Args:
        folders: one, or {key: folder}, of which the longest key that holds a path counts; "" holds all.

    Raises:
        ConfigError: an unknown or missing key, a wrong type, a contradiction; file, key, value and remedy in one line.
    """
    return _Parser(source, {"": folders} if isinstance(folders, Path) else folders).record(schema, data, "")


def parse_value(kind: Any, data: Any, source: str) -> Any:
    """Returns ``data`` as a value of a type annotation: a config class, a union of such, a tuple, ...; relative paths
    start from the working directory. Raises ConfigError as ``parse`` does."""
    return _Parser(source, {"": Path()}).value(kind, data, "")


class _Parser:
    def __init__(self, source: str, folders: Mapping[str, Path]) -> None:
        self.source, self.folders = source, folders

    def fail(self, key: str, message: str) -> ConfigError:
        return ConfigError(f"{self.source}: {key}: {message}" if key else f"{self.source}: {message}")

    def record(self, schema: Any, data: object, key: str) -> Any:
        if not isinstance(data, Mapping):
            raise self.fail(key, f"{short(data)} given, expected {describe(schema)}")
        fields = {field.name: field for field in dataclasses.fields(schema)}
        for name in data:
            if name not in fields:
                raise self.fail(key, unknown("key", str(name), list(fields)))
        types_ = typing.get_type_hints(schema, include_extras=True)
        values = {}
        for name, field in fields.items():
            here = f"{key}.{name}" if key else name
            if name in data:
                values[name] = self.value(types_[name], data[name], here)
                if field.metadata.get("path") and values[name] is not None:
                    holders = [key for key in self.folders if not key or f"{here}.".startswith(f"{key}.")]
                    start = self.folders[max(holders, key=len)]
                    try:
                        values[name] = str((start / Path(values[name]).expanduser()).resolve())
                    except (OSError, RuntimeError, ValueError) as error:  # nobody's home, a null byte, a link to itself
                        raise self.fail(here, f"{short(values[name])} given, expected a path ({error})") from error
            elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                raise self.fail(here, f"missing; expected {describe(types_[name])}")
        try:
            return schema(**values)
        except ConfigError:
            raise
        except ValueError as error:
            raise self.fail(key, str(error)) from error

    def value(self, kind: Any, value: Any, key: str) -> Any:
        if kind is Any:
            return value
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if alternatives(kind) != (kind,):
            return self.union(kind, value, key)
        if dataclasses.is_dataclass(kind):
            return self.record(kind, value, key)
        if origin is Literal:
            if value in arguments and any(type(value) is type(a) and value == a for a in arguments):
                return value
            raise self.fail(key, f"{short(value)} given, expected one of {', '.join(map(repr, arguments))}")
        if origin is tuple and isinstance(value, list):
            return tuple(self.value(arguments[0], item, f"{key}[{i}]") for i, item in enumerate(value))
        if origin is dict and isinstance(value, dict):
            return {
                self.value(arguments[0], k, key): self.value(arguments[1], v, f"{key}.{k}") for k, v in value.items()
            }
        if origin is Annotated:
            found, limits = _scalar(arguments[0], value), arguments[1]
            if found is not None and limits.holds(found):
                return found
        elif (found := _scalar(kind, value)) is not None:
            return found
        raise self.fail(key, f"{short(value)} given, expected {describe(kind)}")

    def union(self, kind: Any, value: Any, key: str) -> Any:
        if value is None and type(None) in typing.get_args(kind):
            return None
        if words := words_of(kind):
            if isinstance(value, str) and value in words:
                return value
            if not isinstance(value, Mapping):
                raise self.fail(key, f"{short(value)} given, expected {describe(kind)}")
        if len(parts := classes_beside(kind)) == 1:
            return self.value(parts[0], value, key)
        classes = classes_of(kind)
        tag = value.get("kind") if isinstance(value, Mapping) else None
        if tag is None:
            raise self.fail(f"{key}.kind".lstrip("."), f"missing; expected one of {', '.join(classes)}")
        if not isinstance(tag, str) or tag not in classes:
            raise self.fail(f"{key}.kind".lstrip("."), unknown("kind", str(tag), list(classes)))
        return self.record(classes[tag], value, key)


def _scalar(kind: Any, value: Any) -> Any:
    """Returns ``value`` as ``kind``, None if it isn't one; a float is finite."""
    if kind is float and type(value) in (int, float, str):  # YAML 1.1 reads 1e-4 as text
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        return number if math.isfinite(number) else None
    return value if kind in (int, str, bool) and type(value) is kind else None


def plain(config: Any, *, hashed: bool = False) -> dict[str, Any]:
    """Returns a config as JSON values.

    ``hashed`` leaves out run-time fields, weights paths (sha256 counts), and default values of the fields that say so
    ("hash": UNLESS_DEFAULT).
    """
    result = {}
    for field in dataclasses.fields(config):
        rule, value = field.metadata.get("hash", True), getattr(config, field.name)
        unsaid = rule == UNLESS_DEFAULT and value == field.default
        if hashed and (not rule or unsaid or field.metadata.get("weights")):
            continue
        result[field.name] = _plain(value, hashed)
    return result


def _plain(value: Any, hashed: bool) -> Any:
    if dataclasses.is_dataclass(value):
        return plain(value, hashed=hashed)
    return [_plain(item, hashed) for item in value] if isinstance(value, tuple) else value
