"""Settings by dotted names, as ``guidance.scale`` and ``method.eta`` are."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from smalti.config.parsing import ConfigError, parse_value, plain, unknown

T = TypeVar("T")


def setting_names(settings: Any) -> Iterator[str]:
    """Yields the name of every setting, those that hold others too; without ``kind``, which settings go with.

    >>> from smalti.config.latent_sampling import DdimConfig, LdmSamplingConfig
    >>> [name for name in setting_names(LdmSamplingConfig()) if "guid" not in name]
    ['quantise', 'method', 'method.eta', 'steps']
    """
    for field in dataclasses.fields(settings):
        if field.name != "kind":
            yield field.name
            value = getattr(settings, field.name)
            if dataclasses.is_dataclass(value):
                yield from (f"{field.name}.{name}" for name in setting_names(value))


def setting(values: Mapping[str, Any], name: str) -> Any:
    """Returns one of the settings, which are given as JSON has them; of a list of one its element.

    >>> setting({"guidance": {"scale": [2.0]}}, "guidance.scale")
    2.0
    """
    found: Any = values
    for part in name.split("."):
        found = found[part]
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def with_setting(settings: T, name: str, value: object, source: str) -> T:
    """Returns settings of which one has another value; ``source`` says in errors who gave it.

    >>> from smalti.config.sampling import ArSamplingConfig
    >>> with_setting(ArSamplingConfig(), "guidance.scale", 2, "a test").guidance.scale
    (2.0,)

    Args:
        value: as YAML has it; a value alone, where the setting is a list, is a list of one.

    Raises:
        ValueError: there is no such setting, or it can't have this value.
    """
    known = list(setting_names(settings))
    if name not in known:
        raise ValueError(f"{source}: {unknown('setting', name, known)}")
    whole = plain(settings)
    *parents, last = name.split(".")
    holder = whole
    for parent in parents:
        holder = holder[parent]
    alone = isinstance(holder[last], list) and not isinstance(value, list | tuple)
    holder[last] = [value] if alone else value
    try:
        found: T = parse_value(type(settings), whole, source)
    except ConfigError as error:
        raise ValueError(str(error)) from error  # to which a parser may add the file
    return found
