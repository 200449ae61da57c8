"""Changes of every stage that can take them: ``*.training.precision=bf16-mixed``."""

import dataclasses
import typing
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from configs.schema.stages import STAGES, stage_of
from pipeline.config import Change
from smalti.config.field_types import alternatives
from smalti.config.parsing import ConfigError

EVERY = "*"
# Of these a stage that works in one process can take no more than 1.
PROCESSES = ("runtime.devices", "runtime.num_nodes")
# What the options of the command line stand for.
OPTIONS = {"devices": "runtime.devices", "nodes": "runtime.num_nodes", "accelerator": "runtime.accelerator"}


def has_key(kind: Any, key: str) -> bool:
    """Returns whether a config class, or one of those that may stand in its place, has a dotted key."""
    name, _, rest = key.partition(".")
    for part in alternatives(kind):
        if not dataclasses.is_dataclass(part) or not isinstance(part, type):
            continue
        hints = typing.get_type_hints(part, include_extras=True)
        fields = {field.name for field in dataclasses.fields(part)}
        if name in fields and (not rest or has_key(hints[name], rest)):
            return True
    return False


def can_take(stage: str, key: str) -> bool:
    """Returns whether a stage can take a change of a key."""
    return has_key(STAGES[stage], key) and not (key in PROCESSES and stage_of(stage).one_process)


def spread(changes: Iterable[Change], stages: Iterable[str]) -> Iterator[Change]:
    """Yields the changes, one of ``*`` as a change of each of the ``stages`` that can take it.

    Raises:
        ConfigError: a change of ``*`` that none can take.
    """
    names = list(stages)
    for change in changes:
        if change.stage != EVERY:
            yield change
            continue
        takers = [stage for stage in names if can_take(stage, change.key)]
        if not takers:
            raise ConfigError(f"{change.source}: *.{change.key}: no stage of this recipe has it")
        yield from (replace(change, stage=stage) for stage in takers)
