"""The help says of every key what it is, straight from the config classes, fast and without torch."""

import re
import subprocess
import sys

import pytest

from configs.schema.stages import STAGES
from pipeline.help import explain
from smalti.config.parsing import ConfigError


def paragraphs(path: str, key: str) -> list[str]:
    """Returns the paragraphs of the help on ``path`` that are on ``key``, one for each kind that has another of that
    name, their lines joined."""
    found = [part for part in explain(path, 100).split("\n\n") if re.match(rf"{re.escape(key)}( \(|:)", part)]
    return [" ".join(part.split()) for part in found]


def test_alone_it_lists_the_stages() -> None:
    lines = explain(None, 100).splitlines()
    assert [line.split()[0] for line in lines[: len(STAGES)]] == list(STAGES)
    assert lines[2] == "tokenizer     phase 1: encoder, codebook and decoder (SeQ-GAN section 3.4)."


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tokenizer.training.updates", "tokenizer.training.updates: a whole number of at least 1, required Optimizer"),
        ("tokenizer.optimizer.betas", ": a list, each a number of at least 0 and below 1, default [0.9, 0.99] Decay"),
        (
            "tokenizer.gan.loss",
            ": 'hinge', 'non_saturating' or 'hinge_softplus', default 'non_saturating' hinge (VQGAN",
        ),
        ("ar_prior.optimizer.clip_norm", ": a number above 0 or null, default null L2 norm"),
        ("samples.ar.guidance", ": a mapping, optional Classifier-free guidance; off by default."),
        ("scores.lpips", ": a list, each a mapping, default [] LPIPS of the reconstructions"),
        ("tokenizer.attention", ": a mapping or null, default null"),
        (
            "tokenizer.quantizer.book",
            "(kind factorised): a mapping of kind learned_cosine, learned or ema, default",
        ),
        ("tokenizer.representation[].tap", "tokenizer.representation[].tap: text, default 'pooled'"),
    ],
)
def test_a_key_says_type_range_default_and_text(path: str, expected: str) -> None:
    assert any(expected in part for part in paragraphs(path, path))


def test_a_stage_explains_all_that_has_one_form_and_names_the_kinds_of_the_rest() -> None:
    whole = explain("tokenizer", 100)
    for key in ("gan.ramp", "training.batch_size", "representation[].predictor.num_heads", "runtime.log_every"):
        assert f"\ntokenizer.{key}: " in whole
    assert "Its keys: python -m pipeline help tokenizer.quantizer\n" in whole
    assert "tokenizer.quantizer." not in whole.replace("help tokenizer.quantizer", "")


def test_a_choice_lists_its_kinds_and_which_keys_each_has() -> None:
    text = explain("tokenizer.quantizer", 100)
    assert "kind ema: Rows are moving averages" in text and "kind finite_scalar: A few levels a channel" in text
    assert "tokenizer.quantizer.decay (kind ema): a number above 0 and below 1, default 0.99" in text
    different = [part for part in text.split("\n\n") if part.startswith("tokenizer.quantizer.codebook_weight ")]
    assert [re.search(r"default ([\d.]+)", part)[1] for part in different] == ["1.0", "0.0", "0.33"]  # type: ignore[index]
    assert "(kind projected_l2, projected_cosine)" in different[2]


def test_what_elements_of_a_list_have_may_be_asked_with_or_without_brackets() -> None:
    texts = {explain(f"tokenizer.representation{index}.network.weights", 100) for index in ("", "[]", "[0]")}
    assert len(texts) == 1


def test_it_stays_within_the_width() -> None:
    for width in (60, 120):
        for stage in STAGES:
            commands = [line for line in explain(stage, width).splitlines() if "python -m pipeline" not in line]
            assert max(map(len, commands)) <= width


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tokeniser", "command line: unknown stage 'tokeniser'; did you mean 'tokenizer'?"),
        ("tokenizer.gann", "command line: tokenizer.gann: unknown key 'gann'; did you mean 'gan'?"),
        ("tokenizer.quantizer.decai", "command line: tokenizer.quantizer.decai: unknown key 'decai'; did you mean"),
        ("data.seed.x", "command line: data.seed.x: data.seed has no keys of its own"),
        ("decoder.perceptual.low.a", "command line: decoder.perceptual.low.a: decoder.perceptual.low has no keys of"),
    ],
)
def test_an_unknown_key_is_one_line(path: str, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        explain(path, 100)
    assert str(error.value).startswith(expected) and "\n" not in str(error.value)


def test_the_command_needs_no_recipe_and_no_torch() -> None:
    code = (
        "import sys, runpy; sys.argv = ['pipeline', 'help', 'data.seed']\n"
        "try: runpy.run_module('pipeline', run_name='__main__')\n"
        "except SystemExit as end: sys.exit(3 if 'torch' in sys.modules or 'numpy' in sys.modules else end.code)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("data.seed: a whole number, default 0\n    Seed of the split")
    wrong = [sys.executable, "-m", "pipeline", "help", "datta"]
    refused = subprocess.run(wrong, check=False, capture_output=True, text=True)
    said = "error: command line: unknown stage 'datta'; did you mean 'data'?\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", said)
