"""``python -m pipeline help STAGE[.KEY]``: what the keys of a recipe are, read off the config classes."""

import dataclasses
import json
import re
import textwrap
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from configs.schema.stages import STAGES
from smalti.config.field_types import classes_of, describe
from smalti.config.fields import ConfigField, fields_of, summary
from smalti.config.parsing import ConfigError, plain, unknown

Owners = Mapping[str, type[Any]]  # config classes by kind, as ``classes_of`` gives them


@dataclass(frozen=True)
class Entry:
    """A key, dotted from the stage on; the kinds that have it, where it depends on a ``kind`` beside it; its field."""

    key: str
    kinds: tuple[str, ...]
    field: ConfigField

    @property
    def owners(self) -> Owners:
        """Config classes of what lies below."""
        return classes_of(self.field.type)

    @property
    def inside(self) -> str:
        """The key of what lies below: of each element, if it is a list."""
        return f"{self.key}[]" if typing.get_origin(self.field.type) is tuple else self.key


def explain(path: str | None, width: int) -> str:
    """Returns what the help says of ``STAGE[.KEY...]``, wrapped to ``width`` characters; of all stages for None.

    Raises:
        ConfigError: an unknown stage or key.
    """
    if path is None:
        return "\n".join(_stages(width))
    stage, *names = re.sub(r"\[\d*\]", "", path).split(".")
    if stage not in STAGES:
        raise ConfigError(f"command line: {unknown('stage', stage, list(STAGES))}")
    key, owners, paragraphs = stage, classes_of(STAGES[stage]), [_wrapped(_purpose(stage), width)]
    for name in names:
        below = list(entries(key, owners))
        if not below:
            raise ConfigError(f"command line: {path}: {key} has no keys of its own")
        found = [entry for entry in below if entry.field.name == name]
        if not found:
            known = list(dict.fromkeys(entry.field.name for entry in below))
            raise ConfigError(f"command line: {path}: {unknown('key', name, known)}")
        paragraphs = [_paragraph(entry, width) for entry in found]
        key, owners = found[0].inside, {kind: owner for entry in found for kind, owner in entry.owners.items()}
    return "\n\n".join([*paragraphs, *_tree(key, owners, width)])


def entries(key: str, owners: Owners) -> Iterator[Entry]:
    """Yields the keys below ``key``, those of one name together; what several kinds have alike, once."""
    alike: dict[str, dict[str, tuple[list[str], ConfigField]]] = {}
    for kind, owner in owners.items():
        for field in fields_of(owner):
            if field.name != "kind" or not kind:
                kinds, _ = alike.setdefault(field.name, {}).setdefault(repr(field), ([], field))
                kinds.append(kind)
    for name, variants in alike.items():
        for kinds, field in variants.values():
            yield Entry(f"{key}.{name}", tuple(filter(None, kinds)), field)


def _tree(key: str, owners: Owners, width: int) -> Iterator[str]:
    """Yields a paragraph on the kinds, if there are several, and one on every key below ``key``."""
    if len(owners) > 1:
        classes = {owner: ", ".join(kind for kind in owners if owners[kind] is owner) for owner in owners.values()}
        yield "\n".join(_wrapped(f"kind {kinds}: {summary(owner)}", width, 4) for owner, kinds in classes.items())
    for entry in entries(key, owners):
        several = len(entry.owners) > 1
        yield _paragraph(entry, width) + several * f"\n    Its keys: python -m pipeline help {entry.key}"
        yield from () if several else _tree(entry.inside, entry.owners, width)


def _paragraph(entry: Entry, width: int) -> str:
    field = entry.field
    if field.required:
        default = "required"
    elif dataclasses.is_dataclass(field.default):
        default = f"default kind {plain(field.default)['kind']}" if len(entry.owners) > 1 else "optional"
    else:
        default = f"default {repr(field.default) if isinstance(field.default, str) else json.dumps(field.default)}"
    kinds = f" (kind {', '.join(entry.kinds)})" if entry.kinds else ""
    head = f"{entry.key}{kinds}: {describe(field.type)}, {default}"
    return f"{_wrapped(head, width, 8)}\n{_wrapped(field.text, width, 4, 4)}"


def _stages(width: int) -> Iterator[str]:
    for stage in STAGES:
        yield _wrapped(f"{stage:13} {_purpose(stage)}", width, 14)
    yield ""
    yield _wrapped("help STAGE explains the keys of its YAML file, help STAGE.KEY one of them and all below it.", width)


def _purpose(stage: str) -> str:
    """Returns the first paragraph of a stage's docstring, without its name."""
    return summary(STAGES[stage]).removeprefix(f"Stage {stage}").lstrip(":, ")


def _wrapped(text: str, width: int, indent: int = 0, first: int = 0) -> str:
    return textwrap.fill(
        text.replace("``", ""), width, initial_indent=" " * first, subsequent_indent=" " * indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
