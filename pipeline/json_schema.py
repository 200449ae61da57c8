"""JSON schemas (draft 2020-12) of a recipe's YAML files, for editors, made from the config classes themselves.

docs/schema/README.md says how an editor uses them.
"""

import dataclasses
import inspect
import json
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

from configs.schema.imported import ImportedConfig
from configs.schema.stages import STAGES
from pipeline.imports import IMPORT, INPUTS, MAY_HAVE
from smalti.config.field_types import alternatives, classes_beside, words_of
from smalti.config.fields import fields_of
from smalti.config.parsing import plain
from smalti.config.ranges import Range

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {int: "integer", float: "number", str: "string", bool: "boolean"}
BOUNDS = {"at_least": "minimum", "above": "exclusiveMinimum", "at_most": "maximum", "below": "exclusiveMaximum"}


def write_schemas(folder: Path) -> list[Path]:
    """Writes one file for each stage and ``pipeline.json`` into ``folder``; returns them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, schema in {**{stage: stage_schema(stage) for stage in STAGES}, "pipeline": pipeline_schema()}.items():
        files.append(folder / f"{name}.json")
        files[-1].write_text(json.dumps(schema, indent=1) + "\n")
    return files


def stage_schema(stage: str) -> Schema:
    """Returns the schema of ``<stage>.yaml``."""
    definitions: dict[str, Schema] = {}
    whole = _mapping(STAGES[stage], definitions)
    return {"$schema": DIALECT, "title": f"{stage}.yaml", **whole, "$defs": dict(sorted(definitions.items()))}


def pipeline_schema() -> Schema:
    """Returns the schema of ``pipeline.yaml``; that a recipe's parts fit each other is beyond it."""
    stages = {}
    for stage, config in STAGES.items():
        needed, taken = config.STAGE.needs, config.STAGE.takes
        stages[stage] = {
            "description": _markdown(inspect.getdoc(config) or ""),
            "type": "object" if needed else ["object", "null"],
            "properties": {name: {"type": "string"} for name in sorted(needed + taken)},
            "required": sorted(needed),
            "additionalProperties": False,
        }
        if stage in INPUTS:
            stages[stage] = {"anyOf": [stages[stage], _import_schema(stage)]}
    return {
        "$schema": DIALECT,
        "title": "pipeline.yaml",
        "description": "A recipe: its stages, or what it changes of another one.",
        "type": "object",
        "properties": {
            "stages": {
                "description": "Each stage with its inputs, by name: a stage of this recipe, RECIPE:STAGE, or the "
                "path of a published result.",
                "type": "object",
                "properties": stages,
                "minProperties": 1,
                "additionalProperties": False,
            },
            "base": {
                "description": "Folder of the recipe, seen from this one, whose stages and files count where this "
                "recipe has none.",
                "type": "string",
            },
            "set": {
                "description": "Changes to the stages' keys, STAGE.KEY=VALUE, the value in YAML.",
                "type": "array",
                "items": {"type": "string", "pattern": f"^({'|'.join(STAGES)})\\.[^=]+="},
            },
            "offline": {"description": "Whether `make weights` may fetch nothing.", "type": "boolean"},
        },
        "anyOf": [{"required": ["stages"]}, {"required": ["base"]}],
        "additionalProperties": False,
    }


def _import_schema(stage: str) -> Schema:
    """Returns the schema of a released file in the place of a stage."""
    whole = _mapping(ImportedConfig, {})
    numbers = {name: value for name, value in whole["properties"].items() if name not in ("file", "runtime")}
    inputs = (*INPUTS[stage], *MAY_HAVE[stage])
    return {
        "description": whole["description"],
        "type": "object",
        "properties": {
            IMPORT: {"type": "string", "description": whole["properties"]["file"]["description"]}, **numbers,
            **{name: {"type": "string"} for name in inputs},
        },
        "required": [IMPORT, "format", *INPUTS[stage]],
        "additionalProperties": False,
    }  # fmt: skip


def _mapping(config: type[Any], definitions: dict[str, Schema]) -> Schema:
    """Returns the schema of a config class; the classes below it are added to ``definitions``."""
    fields = fields_of(config)
    properties = {}
    for field in fields:
        properties[field.name] = {"description": _markdown(field.text), **_value(field.type, definitions)}
        if not field.required:
            default = field.default
            properties[field.name]["default"] = plain(default) if dataclasses.is_dataclass(default) else default
    return {
        "description": _markdown(inspect.getdoc(config) or ""),
        "type": "object",
        "properties": properties,
        "required": [field.name for field in fields if field.required],
        "additionalProperties": False,
    }


def _value(kind: Any, definitions: dict[str, Schema]) -> Schema:
    """Returns the schema of one value."""
    if kind is Any:
        return {}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if alternatives(kind) != (kind,):
        return _union(kind, definitions)
    if origin is Annotated:
        limits: Range = arguments[1]
        bounds = {BOUNDS[name]: bound for name, bound in dataclasses.asdict(limits).items() if bound is not None}
        return {**_value(arguments[0], definitions), **bounds}
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _value(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _value(arguments[1], definitions)}
    return _reference(kind, definitions) if dataclasses.is_dataclass(kind) else {"type": TYPES[kind]}


def _union(kind: Any, definitions: dict[str, Schema]) -> Schema:
    """Returns the schema of a value that may be null, or one of a few words; or of a mapping whose ``kind`` says of
    which class it is."""
    parts = classes_beside(kind)
    others: list[Schema] = [{"const": word} for word in words_of(kind)]
    if type(None) in typing.get_args(kind):
        others.append({"type": "null"})
    if len(parts) == 1:
        return {"anyOf": [_value(parts[0], definitions), *others]}
    return {"oneOf": [*({**_reference(part, definitions), "required": ["kind"]} for part in parts), *others]}


def _reference(config: Any, definitions: dict[str, Schema]) -> Schema:
    if config.__name__ not in definitions:
        definitions[config.__name__] = {}  # its place, for a class that holds itself
        definitions[config.__name__] = _mapping(config, definitions)
    return {"$ref": f"#/$defs/{config.__name__}"}


def _markdown(text: str) -> str:
    return text.replace("``", "`")
