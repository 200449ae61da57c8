"""Changes of every stage that can take them, and the options that stand for some."""

import re
import shlex
from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE

from configs.schema.stages import STAGES
from pipeline.commands import parse
from pipeline.graph import Recipe
from pipeline.store import Store
from pipeline.wildcards import can_take
from smalti.config.parsing import ConfigError

SEQGAN = PROJECT / "configs" / "imagenet256" / "seqgan"


def test_one_knob_for_all_devices() -> None:
    """Every stage that works on several devices, whatever its YAML says; batches stay, and so do keys' configs."""
    recipe = Recipe(SEQGAN, parse(["run", str(SEQGAN), "--devices", "4", "--accelerator", "cpu"]).set)
    devices = {stage: node.config.runtime.devices for stage, node in recipe.nodes.items()}
    several = {stage for stage in recipe.nodes if not STAGES[stage].STAGE.one_process}
    assert several and {stage for stage, number in devices.items() if number == 4} == several
    assert set(devices.values()) == {1, 4}
    assert {node.config.runtime.accelerator for node in recipe.nodes.values()} == {"cpu"}
    before = Recipe(SEQGAN).nodes["tokenizer"].config
    assert before.runtime.devices == 8 and recipe.nodes["tokenizer"].config.training == before.training


def test_a_wildcard_reaches_every_stage_that_has_the_key() -> None:
    recipe = Recipe(SMOKE, ["*.training.precision=bf16-mixed", "decoder.training.precision=32-true"])
    found = {s: n.config.training.precision for s, n in recipe.nodes.items() if hasattr(n.config, "training")}
    assert found.pop("decoder") == "32-true", "what is said later and of one stage counts"
    assert len(found) == 7 and set(found.values()) == {"bf16-mixed"}
    assert can_take("tokenizer", "quantizer.projector.kind") and not can_take("tokenizer", "quantizer.projector.kin")


def test_keys_of_results_are_those_of_single_changes(tmp_path: Path) -> None:
    every = Recipe(SMOKE, ["*.training.seed=5"]).status(Store(tmp_path))
    alone = [
        f"{stage}.training.seed=5" for stage, node in Recipe(SMOKE).nodes.items() if hasattr(node.config, "training")
    ]
    assert {s: status.key for s, status in every.items()} == {
        s: status.key for s, status in Recipe(SMOKE, alone).status(Store(tmp_path)).items()
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["tokenizer.training.updates=3"], ["tokenizer.training.updates=3"]),
        ([str(SMOKE), "data.seed=1", "*.training.seed=2"], ["data.seed=1", "*.training.seed=2"]),
        ([str(SMOKE), "--until", "data", "data.seed=1"], ["data.seed=1"]),
        ([str(SMOKE), "data.seed=1", "--force", "data", "data.seed=2"], ["data.seed=1", "data.seed=2"]),
        ([str(SMOKE), "--set", "data.seed=1", "--nodes", "2"], ["data.seed=1", "*.runtime.num_nodes=2"]),
    ],
)
def test_changes_stand_alone_too(words: list[str], expected: list[str]) -> None:
    options = parse(["run", *words])
    assert options.set == expected
    assert options.recipe == (SMOKE if str(SMOKE) in words else PROJECT / "configs" / "quickstart")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("*.training.precisio=bf16-mixed", "command line: *.training.precisio: no stage of this recipe has it"),
        ("*.runtime.devices=0", "runtime.devices: 0 given"),
        ("*=3", "command line: '*': expected stage.key"),
    ],
)
def test_what_is_refused(change: str, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        Recipe(SMOKE, [change])
    assert expected in str(error.value)


@pytest.mark.parametrize("words", [["--devices", "0"], ["--devices", "two"], ["--accelerator", "tpu"]])
def test_options_are_checked_at_once(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["run", str(SMOKE), *words])
    assert end.value.code == 2 and words[0] in capsys.readouterr().err


def test_the_readme_s_commands_are_understood() -> None:
    lines = re.findall(r"(?m)^\.venv/bin/python -m pipeline (.*?)(?:  #.*)?$", (PROJECT / "README.md").read_text())
    assert len(lines) > 5
    for line in lines:
        options = parse(shlex.split(line))
        assert options.command == line.split()[0], line


def test_a_word_that_is_no_change_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--until", "data", "smoke"], ["--util=data"], ["--until", "data", "data.seed=1", "--sed=2"]):
        with pytest.raises(SystemExit) as end:
            parse(["run", str(SMOKE), *words])
        assert end.value.code == 2 and f"unrecognized arguments: {words[-1]}\n" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        parse(["rows", "--json", "a=1", "b=1"])
    assert "unrecognized arguments: b=1" in capsys.readouterr().err
