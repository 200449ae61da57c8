"""What a user may write wrong, and what they are told: file, key, value and remedy in one line."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from configs.schema.stages import STAGES
from pipeline.config import override, read_change, read_yaml
from pipeline.graph import Recipe
from smalti.config.parsing import ConfigError, parse, plain

SMOKE = Path(__file__).resolve().parents[2] / "configs" / "smoke"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("tokenizer.optimizer.lrr=1", "tokenizer.yaml: optimizer: unknown key 'lrr'; did you mean 'lr'?"),
        ("tokenizer.training.updates=many", "tokenizer.yaml: training.updates: 'many' given, expected a whole number"),
        ("tokenizer.training.updates=1.5", "training.updates: 1.5 given, expected a whole number"),
        ("tokenizer.training.updates=true", "training.updates: True given, expected a whole number"),
        ("tokenizer.training.updates=-1", "training.updates: -1 given, expected a whole number of at least 1"),
        ("tokenizer.quantizer.kind=projected_cos", "quantizer.kind: unknown kind 'projected_cos'; did you mean"),
        ("tokenizer.quantizer.kind=[1]", "quantizer.kind: unknown kind '[1]'; known: learned, learned_cosine"),
        ("tokenizer.gan=3", "tokenizer.yaml: gan: 3 given, expected a mapping"),
        ("tokenizer.gan.loss=wgan", "gan.loss: 'wgan' given, expected one of 'hinge', 'non_saturating'"),
        ("tokenizer.perceptual.alpha=1.5", "perceptual.alpha: 1.5 given, expected a number from 0 to 1"),
        ("tokenizer.gan.discriminator_start=99", "gan: generator_start 8 lies before discriminator_start 99"),
        ("tokenizer.autoencoder.widths=[8, 8]", "autoencoder: widths (8, 8), encoder_blocks"),
        ("tokenizr.seed=1", "unknown stage 'tokenizr'; did you mean 'tokenizer'?"),
        ("seed", "expected stage.key=value"),
        ("data.source=[", "command line: data.source=[: not valid YAML ("),
        ("samples.ar.temperature=0", "samples.yaml: ar.temperature: 0 given, expected a number above 0"),
    ],
)
def test_wrong_overrides_are_named(change: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Recipe(SMOKE, [change])
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.yaml: image_size: missing; expected a whole number"):
        parse(STAGES["data"], {"source": {"kind": "embedded"}}, "data.yaml", tmp_path)


def test_broken_yaml_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text("stages:\n  data: [\n")
    with pytest.raises(ConfigError, match=r"pipeline\.yaml: line \d"):
        Recipe(tmp_path)


def test_a_change_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(f"base: {SMOKE}\nset:\n  - data.seed: 3\n")
    with pytest.raises(ConfigError, match=r"set: {'data\.seed': 3} given, expected text, stage\.key=value"):
        Recipe(tmp_path)


def test_command_line_beats_file() -> None:
    assert Recipe(SMOKE, ["tokenizer.optimizer.lr=5e-4"]).nodes["tokenizer"].config.optimizer.lr == 5e-4


def test_paths_are_resolved_against_the_recipe(tmp_path: Path) -> None:
    data = {"source": {"kind": "flat_folder", "root": "pictures"}, "image_size": 64}
    config = parse(STAGES["data"], data, "data.yaml", tmp_path)
    assert config.source.root == str(tmp_path / "pictures")


def test_a_path_may_start_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    data = {"source": {"kind": "flat_folder", "root": "~/pictures"}, "image_size": 64}
    assert parse(STAGES["data"], data, "data.yaml", Path("/elsewhere")).source.root == str(tmp_path / "pictures")
    for wrong in ("~nobody-of-this-name/pictures", "a\0b"):
        data["source"] = {"kind": "flat_folder", "root": wrong}
        with pytest.raises(ConfigError, match=r"data\.yaml: source\.root: .* given, expected a path"):
            parse(STAGES["data"], data, "data.yaml", tmp_path)


@pytest.mark.parametrize("stage", Recipe(SMOKE).nodes)
def test_config_survives_its_plain_form(stage: str) -> None:
    config = Recipe(SMOKE).nodes[stage].config
    assert parse(STAGES[stage], plain(config), "manifest", SMOKE) == config


def test_runtime_fields_and_weights_paths_stay_out_of_the_hash() -> None:
    config = Recipe(SMOKE).nodes["tokenizer"].config
    hashed = plain(config, hashed=True)
    assert "runtime" not in hashed and "weights" not in hashed["perceptual"]["network"]
    assert "validate_every" not in hashed["training"] and hashed["training"]["updates"] == 20
    assert hashed["training"]["accumulation"] == 1, "batch statistics see a part of the batch, which changes the result"


def test_a_change_is_the_same_after_it_was_altered_by_the_next() -> None:
    whole = read_change("data.source={kind: flat_folder, root: a}", SMOKE, "command line")
    for change in (whole, read_change("data.source.root=b", SMOKE, "command line"), whole):
        data = {"source": {"kind": "embedded"}}
        override(data, whole)
        override(data, change)
    assert data["source"] == {"kind": "flat_folder", "root": "a"}


def test_a_key_that_stands_twice_is_named(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text("stages:\n  data:\n  data:\n")
    with pytest.raises(
        ConfigError, match=r"pipeline\.yaml: line 3: not valid YAML \(key 'data' stands twice, first in line 2\)"
    ):
        Recipe(tmp_path)
    merged = tmp_path / "merged.yaml"
    merged.write_text("a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, y: 3}\n")
    assert read_yaml(merged)["c"] == {"x": 2, "y": 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n".join(["a: &a [1]", *(f"{b}: &{b} [{f'*{a}, ' * 9}]" for a, b in pairwise("abcdefgh"))]), "written out"),
        ("a: &a [*a]", "written out"),
        ("a: " + "[" * 5000, "hundreds deep"),
        ("a: 1" + "0" * 5000, "4300 digits"),
        ("a: 2020-13-45", "month must be in"),
        ("a: \udcff", "not UTF-8"),
        ("a: " + "x" * 2**20, "1048579 bytes, which is no recipe's YAML"),
    ],
)  # fmt: skip
def test_yaml_that_would_take_all_memory_or_a_traceback_gets_one_line(text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=expected) as caught:
        read_yaml(file)
    assert str(file) in str(caught.value) and len(str(caught.value)) < 400


def test_a_pipe_is_no_recipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipeline.yaml")
    with pytest.raises(ConfigError, match="no recipe"):
        Recipe(tmp_path)
    with pytest.raises(ConfigError, match="is no file"):
        read_yaml(tmp_path / "pipeline.yaml")


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(ConfigError, match=r"num_samples: \[0, 0, .*\.\.\.\] given, expected") as caught:
        Recipe(SMOKE, [f"samples.num_samples={[0] * 1000}"])
    assert len(str(caught.value)) < 300
