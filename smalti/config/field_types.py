"""What a config field's type stands for: its words in errors and in the help, and the classes behind its kinds."""

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

WORDS = {Any: "anything", int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def alternatives(kind: Any) -> tuple[Any, ...]:
    """Returns the types that ``kind`` is a union of, without None; itself alone if it is none."""
    union = typing.get_origin(kind) in (types.UnionType, typing.Union)
    return tuple(part for part in typing.get_args(kind) if part is not type(None)) if union else (kind,)


def words_of(kind: Any) -> tuple[str, ...]:
    """Returns the words that may stand in place of a class, in a union of both.

    >>> words_of(dict[str, int] | Literal["auto"] | None), words_of(Literal["a", "b"] | None)
    (('auto',), ())
    """
    chosen = [part for part in alternatives(kind) if part not in classes_beside(kind)]
    return tuple(word for part in chosen for word in typing.get_args(part))


def classes_beside(kind: Any) -> tuple[Any, ...]:
    """Returns the alternatives of a type without the words that may stand in place of them."""
    parts = alternatives(kind)
    return tuple(part for part in parts if typing.get_origin(part) is not Literal) or parts


def classes_of(kind: Any) -> Mapping[str, type[Any]]:
    """Returns the config classes that a value, or each element of a list, may be, by its key ``kind``.

    Where there is no choice the one class is under ""; for anything but config classes the mapping is empty.
    """
    parts = classes_beside(kind)
    if len(parts) > 1:
        return {tag: part for part in parts for tag in typing.get_args(typing.get_type_hints(part)["kind"])}
    if typing.get_origin(parts[0]) is tuple:
        return classes_of(typing.get_args(parts[0])[0])
    return {"": parts[0]} if isinstance(parts[0], type) and dataclasses.is_dataclass(parts[0]) else {}


def describe(kind: Any) -> str:
    """Returns what a value of type ``kind`` looks like in YAML.

    >>> describe(tuple[float, ...]), describe(Literal["l1", "l2"]), describe(int | None)
    ('a list, each a number', "'l1' or 'l2'", 'a whole number or null')
    """
    parts, arguments = alternatives(kind), typing.get_args(kind)
    origin = typing.get_origin(kind)
    if parts != (kind,):
        classes = classes_beside(kind)
        named = describe(classes[0]) if len(classes) == 1 else f"a mapping of kind {_or(classes_of(kind))}"
        return _or([named, *map(repr, words_of(kind)), *(["null"] if type(None) in arguments else [])])
    if origin is Annotated:
        return f"{describe(arguments[0])} {arguments[1]}".strip()
    if origin is tuple:
        return f"a list, each {describe(arguments[0])}"
    if origin is dict:
        return f"a mapping, each value {describe(arguments[1])}"
    if origin is Literal:
        return _or(map(repr, arguments))
    return "a mapping" if dataclasses.is_dataclass(kind) else WORDS[kind]


def _or(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
