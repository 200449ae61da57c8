"""Stages that pipeline.yaml replaces by a released file: ``tokenizer: {import: FILE, format: NAME}``."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from configs.schema.imported import ImportedConfig
from configs.schema.stage import Stage
from configs.schema.stages import stage_of
from pipeline.config import Change
from smalti.config.parsing import ConfigError, parse

IMPORT = "import"
# A tokenizer brings its tokens; a prior is over those of the recipe's tokenizer. Classes are named by the data.
INPUTS = {"tokenizer": (), "ar_prior": ("tokenizer",)}
MAY_HAVE = {"tokenizer": (), "ar_prior": ("data",)}


def is_import(given: Any) -> bool:
    """Returns whether what pipeline.yaml says of a stage names a file in its place."""
    return isinstance(given, dict) and IMPORT in given


def inputs_of(given: Any) -> Mapping[str, Any]:
    """Returns the inputs that pipeline.yaml gives a stage, imported or not."""
    if not is_import(given):
        return given or {}
    return {name: value for name, value in given.items() if name in ImportedConfig.STAGE.takes}


def declaration(stage: str, given: Any, source: Path) -> Stage:
    """Returns the declaration of a stage, or of the import in its place.

    Raises:
        ConfigError: a stage whose result no format holds.
    """
    if not is_import(given):
        return stage_of(stage)
    if stage not in INPUTS:
        raise ConfigError(f"{source}: {stage}: can't be imported; {' and '.join(INPUTS)} can")
    return replace(ImportedConfig.STAGE, needs=INPUTS[stage], takes=MAY_HAVE[stage])


def check_unchanged(stage: str, changes: Iterable[Change], author: Path) -> None:
    """Raises ConfigError for a change that the recipe itself or the command line makes to a stage that is imported;
    changes of a base are to the training that the import stands for."""
    for change in changes:
        if change.source == "command line" or change.folder == author:
            raise ConfigError(
                f"{change.source}: {stage}.{change.key}: the stage is imported; its keys stand in pipeline.yaml, "
                f"beside {IMPORT}"
            )


def imported_config(stage: str, given: Mapping[str, Any], source: Path, folder: Path) -> ImportedConfig:
    """Returns the config of an import; a relative file starts from ``folder``, that of its pipeline.yaml."""
    said = {name: value for name, value in given.items() if name not in ImportedConfig.STAGE.takes}
    file = said.pop(IMPORT)
    if not isinstance(file, str):
        raise ConfigError(f"{source}: {stage}.import: {file!r} given, expected the name of a file")
    data = {**said, "file": str((folder / Path(file).expanduser()).resolve())}
    found: ImportedConfig = parse(ImportedConfig, data, f"{source}: {stage}", folder)
    return found
