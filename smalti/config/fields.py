"""What a config class says of its fields: type, default, and the docstring below each in the source."""

import ast
import dataclasses
import functools
import importlib
import inspect
import itertools
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ConfigField:
    """One key: its name, its type with its range, its default, or MISSING where it is required, and its text."""

    name: str
    type: Any
    default: Any
    text: str

    @property
    def required(self) -> bool:
        """Whether the key has no default."""
        return self.default is dataclasses.MISSING


def fields_of(config: type[Any]) -> tuple[ConfigField, ...]:
    """Returns the fields of a config class in their order.

    A field that a subclass declares anew without a text has the text of the class that it comes from; a ``kind`` that
    can only be one has that of its class; the metadata ``text`` of a field that is made, not written, is its text.
    """
    types = typing.get_type_hints(config, include_extras=True)
    texts: dict[str, str] = {}
    for base in reversed(config.__mro__):
        if dataclasses.is_dataclass(base):
            texts |= _texts(base.__module__).get(base.__qualname__, {})
    found = []
    for field in dataclasses.fields(config):
        factory = field.default_factory
        default = factory() if callable(factory) else field.default
        kind, text = types[field.name], field.metadata.get("text", texts.get(field.name, ""))
        if typing.get_origin(kind) is Literal and len(typing.get_args(kind)) == 1 and not text:
            text = summary(config)
        found.append(ConfigField(field.name, kind, default, text))
    return tuple(found)


def summary(config: type[Any]) -> str:
    """Returns the first paragraph of a class's docstring, in one line."""
    return " ".join((inspect.getdoc(config) or "").partition("\n\n")[0].split())


@functools.cache
def _texts(module: str) -> Mapping[str, Mapping[str, str]]:
    """Returns {class: {field: text}} of a module; Python itself doesn't keep the docstrings of attributes."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    return {
        node.name: {
            declared.target.id: " ".join(text.value.value.split())
            for declared, text in itertools.pairwise(node.body)
            if isinstance(declared, ast.AnnAssign)
            and isinstance(declared.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
