"""Mappings to frozen dataclasses, strictly; and back to the plain form that is hashed and stored."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

T = TypeVar("T")


class ConfigError(ValueError):
    """Something the user wrote in a recipe or on the command line can't be right."""


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """Returns "unknown WHAT NAME" with the nearest known name."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"unknown {what} {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}")


def parse(schema: type[T], data: Mapping[str, Any], source: str, folders: Path | Mapping[str, Path]) -> T:
    """Returns ``schema`` filled from ``data``; ``source`` names the file in errors, ``folders`` resolves its paths.

    Args:
        folders: one, or {key: folder}, of which the longest key that holds a path counts; "" holds all.

    Raises:
        ConfigError: an unknown or missing key, a wrong type, a contradiction; file, key, value and remedy in one line.
    """
    return _Parser(source, {"": folders} if isinstance(folders, Path) else folders).record(schema, data, "")


class _Parser:
    def __init__(self, source: str, folders: Mapping[str, Path]) -> None:
        self.source, self.folders = source, folders

    def fail(self, key: str, message: str) -> ConfigError:
        return ConfigError(f"{self.source}: {key}: {message}" if key else f"{self.source}: {message}")

    def record(self, schema: Any, data: object, key: str) -> Any:
        if not isinstance(data, Mapping):
            raise self.fail(key, f"{data!r} given, expected the keys of {schema.__name__}")
        fields = {field.name: field for field in dataclasses.fields(schema)}
        for name in data:
            if name not in fields:
                raise self.fail(key, unknown("key", str(name), list(fields)))
        types_ = typing.get_type_hints(schema)
        values = {}
        for name, field in fields.items():
            here = f"{key}.{name}" if key else name
            if name in data:
                values[name] = self.value(types_[name], data[name], here)
                if field.metadata.get("path") and values[name] is not None:
                    holders = [key for key in self.folders if not key or f"{here}.".startswith(f"{key}.")]
                    values[name] = str((self.folders[max(holders, key=len)] / values[name]).resolve())
            elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                raise self.fail(here, f"missing; expected {_describe(types_[name])}")
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
        if origin in (types.UnionType, typing.Union):
            return self.union(arguments, value, key)
        if dataclasses.is_dataclass(kind):
            return self.record(kind, value, key)
        if origin is Literal:
            if value in arguments and any(type(value) is type(a) and value == a for a in arguments):
                return value
            raise self.fail(key, f"{value!r} given, expected one of {', '.join(map(repr, arguments))}")
        if origin is tuple and isinstance(value, list):
            return tuple(self.value(arguments[0], item, f"{key}[{i}]") for i, item in enumerate(value))
        if origin is dict and isinstance(value, dict):
            return {
                self.value(arguments[0], k, key): self.value(arguments[1], v, f"{key}.{k}") for k, v in value.items()
            }
        if kind is float and isinstance(value, str):
            value = _number(value)  # YAML 1.1 reads 1e-4 as text
        if kind is float and type(value) in (int, float) and value == value and abs(value) != float("inf"):
            return float(value)
        if kind in (int, str, bool) and type(value) is kind:
            return value
        raise self.fail(key, f"{value!r} given, expected {_describe(kind)}")

    def union(self, kinds: tuple[Any, ...], value: Any, key: str) -> Any:
        if value is None and type(None) in kinds:
            return None
        kinds = tuple(kind for kind in kinds if kind is not type(None))
        if len(kinds) == 1:
            return self.value(kinds[0], value, key)
        tagged = {tag: kind for kind in kinds for tag in typing.get_args(typing.get_type_hints(kind)["kind"])}
        tag = value.get("kind") if isinstance(value, Mapping) else None
        if tag is None:
            raise self.fail(f"{key}.kind", f"missing; expected one of {', '.join(tagged)}")
        if tag not in tagged:
            raise self.fail(f"{key}.kind", unknown("kind", str(tag), list(tagged)))
        return self.record(tagged[tag], value, key)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _describe(kind: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false", Any: "anything"}
    origin = typing.get_origin(kind)
    if origin is tuple:
        return f"a list, each {_describe(typing.get_args(kind)[0])}"
    if origin is dict:
        return f"keys with {_describe(typing.get_args(kind)[1])} each"
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_describe(k) if k is not type(None) else "null" for k in typing.get_args(kind))
    if origin is Literal:
        return " or ".join(map(repr, typing.get_args(kind)))
    return names.get(kind, getattr(kind, "__name__", str(kind)))


def plain(config: Any, *, hashed: bool = False) -> dict[str, Any]:
    """Returns a config as JSON values. ``hashed`` leaves out run-time fields and weights paths (sha256 counts)."""
    result = {}
    for field in dataclasses.fields(config):
        if hashed and (field.metadata.get("hash") is False or field.metadata.get("weights")):
            continue
        result[field.name] = _plain(getattr(config, field.name), hashed)
    return result


def _plain(value: Any, hashed: bool) -> Any:
    if dataclasses.is_dataclass(value):
        return plain(value, hashed=hashed)
    return [_plain(item, hashed) for item in value] if isinstance(value, tuple) else value
