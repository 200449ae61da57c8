"""The editors' schemas take every recipe that ships, and refuse what the program refuses."""

import copy
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from configs.schema.stages import STAGES
from pipeline.config import read_yaml
from pipeline.graph import Recipe
from pipeline.json_schema import pipeline_schema, stage_schema, write_schemas
from pipeline.written import KEYS
from smalti.config.parsing import ConfigError, parse, plain

PROJECT = Path(__file__).resolve().parents[2]
RECIPES = sorted(path.parent for path in (PROJECT / "configs").rglob("pipeline.yaml"))
SMOKE = PROJECT / "configs" / "smoke"
VALIDATORS = {stage: Draft202012Validator(stage_schema(stage)) for stage in STAGES}
VALIDATORS["pipeline"] = Draft202012Validator(pipeline_schema())


class Yaml12(yaml.SafeLoader):
    """YAML as editors read it, by version 1.2, in which 1e-4 is a number."""


FLOAT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$")
Yaml12.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+0123456789"))


def read(file: Path) -> Any:
    return yaml.load(file.read_text(), Yaml12)


def complaints(name: str, data: Any) -> list[str]:
    """Returns what the schema of ``name``.yaml has against ``data``, the innermost of each alternative too."""
    found = []
    for error in VALIDATORS[name].iter_errors(data):
        found += [error.message, *(inner.message for inner in error.context or [])]
    return found


@pytest.mark.parametrize("name", VALIDATORS)
def test_it_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(VALIDATORS[name].schema)


@pytest.mark.parametrize("folder", RECIPES, ids=lambda folder: str(folder.relative_to(PROJECT / "configs")))
def test_every_recipe_is_valid(folder: Path) -> None:
    """Its files as they are written, and what they and its bases come to."""
    for file in folder.glob("*.yaml"):
        assert not complaints(file.stem, read(file)), file
    for stage, node in Recipe(folder).nodes.items():
        assert not complaints(stage, json.loads(json.dumps(plain(node.config)))), f"{folder} {stage}"


def changed(stage: str, dotted: str, value: Any) -> dict[str, Any]:
    """Returns smoke's config of a stage with one key set."""
    data = copy.deepcopy(read(SMOKE / f"{stage}.yaml"))
    *parents, last = dotted.split(".")
    inner = data
    for parent in parents:
        inner = inner.setdefault(parent, {})
    inner[last] = value
    return data


@pytest.mark.parametrize(
    ("stage", "key", "value", "expected"),
    [
        ("tokenizer", "training.updatess", 3, "'updatess' was unexpected"),
        ("tokenizer", "quantizer.codes", 3, "'codes' was unexpected"),
        ("tokenizer", "training.updates", 0, "0 is less than the minimum of 1"),
        ("tokenizer", "training.updates", 1.5, "1.5 is not of type 'integer'"),
        ("tokenizer", "training.updates", "many", "'many' is not of type 'integer'"),
        ("tokenizer", "optimizer.lr", 0, "0 is less than or equal to the minimum of 0"),
        ("tokenizer", "optimizer.lr", "fast", "'fast' is not of type 'number'"),
        ("tokenizer", "optimizer.betas", [0.9, 1], "1 is greater than or equal to the maximum of 1"),
        ("tokenizer", "optimizer.betas", 0.9, "0.9 is not of type 'array'"),
        ("tokenizer", "perceptual.alpha", 1.5, "1.5 is greater than the maximum of 1"),
        ("tokenizer", "perceptual.low", {"block0": -1}, "-1 is less than the minimum of 0"),
        ("tokenizer", "gan.loss", "wgan", "'wgan' is not one of ['hinge', 'non_saturating', 'hinge_softplus']"),
        ("tokenizer", "gan.adaptive", 1, "1 is not of type 'boolean'"),
        ("tokenizer", "quantizer", {"kind": "lerned"}, "'learned' was expected"),
        ("tokenizer", "quantizer", {}, "'kind' is a required property"),
        ("tokenizer", "gan", None, "None is not of type 'object'"),
        ("data", "num_classes", -1, "-1 is less than the minimum of 0"),
        ("report", "title", 3, "3 is not of type 'string'"),
    ],
)
def test_schema_and_program_refuse_the_same(stage: str, key: str, value: Any, expected: str) -> None:
    data = changed(stage, key, value)
    assert any(expected in text for text in complaints(stage, data)), complaints(stage, data)
    with pytest.raises(ConfigError):
        parse(STAGES[stage], data, f"{stage}.yaml", SMOKE)


@pytest.mark.parametrize("stage", Recipe(SMOKE).nodes)
def test_a_required_key_is_required_by_both(stage: str) -> None:
    whole = read(SMOKE / f"{stage}.yaml")
    for key in VALIDATORS[stage].schema["required"]:
        data = {name: value for name, value in whole.items() if name != key}
        assert complaints(stage, data) == [f"{key!r} is a required property"]
        with pytest.raises(ConfigError, match=f"{key}: missing"):
            parse(STAGES[stage], data, f"{stage}.yaml", SMOKE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stages: {}\n", "should be non-empty"),
        ("offline: true\n", "'base' is a required property"),
        ("bass: ../quickstart\n", "'bass' was unexpected"),
        ("stages: {decoder: {data: data}}\n", "'tokenizer' is a required property"),
        ("stages: {codebook: }\n", "None is not of type 'object'"),
        ("stages: {data: {tokenizer: tokenizer}}\n", "'tokenizer' was unexpected"),
        ("stages: {dada: }\n", "'dada' was unexpected"),
        (f"base: {SMOKE}\nset: [tokeniser.seed=1]\n", "does not match"),
        (f"base: {SMOKE}\nset:\n  - data.seed: 3\n", "is not of type 'string'"),
        (f"base: {SMOKE}\nset: data.seed=3\n", "is not of type 'array'"),
        (f"base: {SMOKE}\noffline: perhaps\n", "is not of type 'boolean'"),
    ],
)
def test_a_wrong_pipeline_yaml_is_refused_by_both(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "pipeline.yaml").write_text(text)
    found = complaints("pipeline", read_yaml(tmp_path / "pipeline.yaml"))
    assert any(expected in said for said in found), found
    with pytest.raises(ConfigError):
        Recipe(tmp_path)


def test_pipeline_yaml_has_the_keys_that_the_program_reads() -> None:
    assert set(VALIDATORS["pipeline"].schema["properties"]) == set(KEYS)


def test_the_files_in_docs_are_up_to_date(tmp_path: Path) -> None:
    folder = PROJECT / "docs" / "schema"
    fresh = {file.name: file.read_text() for file in write_schemas(tmp_path)}
    kept = {file.name: file.read_text() for file in folder.glob("*.json")}
    assert fresh == kept, "python -m pipeline schema writes them anew"


def test_the_command_writes_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline", "schema", "--to", str(tmp_path / "new")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert {file.stem for file in (tmp_path / "new").iterdir()} == {*STAGES, "pipeline"}
    assert done.stdout.count("\n") == 1
