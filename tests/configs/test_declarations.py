"""A stage, or a prior, is declared once, and whole."""

import dataclasses
import importlib
import inspect
from pathlib import Path

import pytest

from configs.schema.imported import ImportedConfig
from configs.schema.runtime import RuntimeConfig
from configs.schema.samples import SamplesConfig
from configs.schema.stage import Stage
from configs.schema.stages import STAGES, stage_of
from configs.schema.sweep import SweepConfig
from lit_modules.latent_prior import LitLatentPrior
from lit_modules.prior import LitPrior
from lit_modules.training import LitTraining
from smalti.config.names import load_name
from smalti.config.prior_kinds import PRIOR_KINDS, PRIOR_STAGES, PriorKind
from smalti.config.sampling import SamplingConfig

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("stage", STAGES)
def test_stage_is_whole(stage: str) -> None:
    config, declaration = STAGES[stage], stage_of(stage)
    assert declaration.name == stage and declaration.version >= 1
    assert issubclass({field.name: field.type for field in dataclasses.fields(config)}["runtime"], RuntimeConfig)
    script = importlib.import_module(f"stages.{stage}")
    assert stage == script.STAGE and callable(script.build)
    known = set(STAGES)
    assert set(declaration.needs) <= known and set(declaration.takes) <= known | {"init_from"}


def test_every_script_of_stages_is_a_declared_stage() -> None:
    """But for the one that publishes a released file in the place of any."""
    scripts = {path.stem for path in (PROJECT / "stages").glob("*.py")} - {"__init__"}
    assert scripts == STAGES.keys() | {ImportedConfig.STAGE.name}


def test_a_declaration_has_no_defaults() -> None:
    """Whoever adds a stage decides each: a forgotten one is a TypeError, not a silent choice."""
    for field in dataclasses.fields(Stage):
        assert field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING, field.name


@pytest.mark.parametrize("stage", STAGES)
def test_what_trains_resumes_and_says_so_in_the_report(stage: str) -> None:
    """The stages whose scripts name a LightningModule that trains are those with curves, and they go on where they
    were."""
    script = importlib.import_module(f"stages.{stage}")
    modules = [member for _, member in inspect.getmembers(script, inspect.isclass) if issubclass(member, LitTraining)]
    assert bool(modules) == stage_of(stage).trains
    if modules:
        assert stage_of(stage).resumes and not stage_of(stage).one_process
        assert stage in stage_of("report").takes + stage_of("report").needs


@pytest.mark.parametrize("kind", PRIOR_KINDS.values(), ids=PRIOR_KINDS)
def test_prior_is_whole(kind: PriorKind) -> None:
    assert issubclass(kind.sampling_config, SamplingConfig)
    for config in (SamplesConfig, SweepConfig):
        assert {field.name for field in dataclasses.fields(config)} >= {kind.name}
    network, sampler = load_name(kind.network), load_name(kind.sampler)
    assert next(iter(inspect.signature(network).parameters)) == "config"
    given = ["given"] if kind.trains_on == "tokens" else []  # tokens that a completion keeps
    assert list(inspect.signature(sampler).parameters) == ["prior", "config", "seed", *given]
    assert STAGES[kind.stage].__annotations__["network"] is kind.network_config
    assert stage_of(kind.stage).needs == (kind.shards, "tokenizer")
    assert kind.stage in stage_of("samples").takes and kind.stage in stage_of("sweep").takes
    classes = inspect.getmembers(importlib.import_module(f"stages.{kind.stage}"), inspect.isclass)
    assert any(issubclass(member, LitPrior | LitLatentPrior) for _, member in classes)


def test_priors_are_told_apart() -> None:
    assert len(PRIOR_STAGES) == len(PRIOR_KINDS)
    assert len({kind.title for kind in PRIOR_KINDS.values()}) == len(PRIOR_KINDS)
