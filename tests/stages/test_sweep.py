"""Stage sweep: its figures are those of anybody who draws the samples, and what it chose is what is drawn."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import SMOKE, run_stage_here
from scipy.linalg import sqrtm
from tests_support import say_otherwise, with_inputs_of

from datamodules.images import EvaluationImages, to_unit_range
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti import Prior, Tokenizer
from smalti.artifact import Artifact
from smalti.config.parsing import plain
from smalti.config.sampling import ArSamplingConfig, NarSamplingConfig
from smalti.features import build_features
from smalti.pixels import from_uint8, to_uint8
from stages.results import settings_search
from stages.results.generation_images import reference_members
from stages.results.published import open_index
from stages.results.sweep_section import sweep_section


def found(sweep: Artifact) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(sweep.file("sweep.json").read_text())
    return result


def test_every_candidate_is_published_with_its_figures(smoke: dict[str, Artifact]) -> None:
    priors, config = found(smoke["sweep"])["priors"], smoke["sweep"].config
    assert list(priors) == ["ar", "nar"]
    for name, setting, values in (("ar", "temperature", [1.0, 0.5]), ("nar", "choice_temperature", [4.5, 1.0])):
        result = priors[name]
        assert [tried["settings"][setting] for tried in result["tried"]] == values
        assert {**result["tried"][1]["settings"], setting: values[0]} == config[name]["start"], (
            "all else is the start's"
        )
        distances = [tried["frechet"] for tried in result["tried"]]
        assert distances[0] != distances[1]
        [line] = result["lines"]
        best = int(np.argmin(distances))
        assert line == {"pass": 1, "setting": setting, "values": values, "tried": [0, 1], "chosen": best}
        assert result["chosen"] == best and smoke["sweep"].facts["frechet"][name] == distances[best]
        assert smoke["sweep"].facts["settings"][name] == result["tried"][best]["settings"]
        assert all(0 <= tried["class_agreement"]["balanced"] <= 1 for tried in result["tried"])
    assert [tried["forwards"] for tried in priors["ar"]["tried"] + priors["nar"]["tried"]] == [1, 1, 8, 8]


def test_a_distance_is_that_of_the_librarys_samples(smoke: dict[str, Artifact]) -> None:
    """Drawn by ``smalti.Prior`` with the sweep's seed, decoded by the last decoder, and compared with SciPy's root."""
    sweep = smoke["sweep"]
    config = Recipe(SMOKE).nodes["sweep"].config
    prior = Prior.load(smoke["ar_prior"].path, Tokenizer.load(smoke["decoder"].path))
    names, network = list(prior.class_names), build_features(config.judge)
    index = open_index(smoke["data"])
    images = EvaluationImages(index)
    real = torch.cat([to_unit_range(images[int(i)])["images"] for i in reference_members(index, config)])
    start = {"guidance": 1.0, "top_p": 0.95}  # other than those by which stage samples draws
    drawn = prior.generate([names[i % len(names)] for i in range(36)], seed=100_000, **start)
    sets = []
    for pixels in (real, drawn):
        features = network.vectors(from_uint8(to_uint8(pixels)), ["block0"])["block0"].double().numpy()
        sets.append((features.mean(0), np.cov(features, rowvar=False)))
    (mean, covariance), (other_mean, other) = sets
    root = sqrtm(covariance @ other).real
    expected = np.sum((mean - other_mean) ** 2) + np.trace(covariance + other - 2 * root)
    assert found(sweep)["priors"]["ar"]["tried"][0]["frechet"] == pytest.approx(expected, rel=1e-4)


def test_what_was_chosen_is_drawn_and_loaded(smoke: dict[str, Artifact]) -> None:
    """By samples.nar: auto; samples.ar has settings of its own."""
    chosen, samples = smoke["sweep"].facts["settings"], smoke["samples"]
    assert samples.config["nar"] == "auto"
    assert samples.facts["settings"]["nar"] == chosen["nar"] != plain(NarSamplingConfig())
    assert samples.facts["settings"]["ar"] == samples.config["ar"] != chosen["ar"]
    tokenizer = Tokenizer.load(smoke["tokenizer"].path)
    assert plain(Prior.load(smoke["nar_prior"].path, tokenizer).settings) == chosen["nar"]
    protocol = json.loads(smoke["scores"].file("scores.json").read_text())["protocol"]["samples"]
    assert protocol["nar"] == chosen["nar"] and protocol["ar"] == samples.config["ar"]


def test_what_was_measured_is_not_drawn_again(
    smoke: dict[str, Artifact], smoke_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that dies at its third candidate goes on with it, to the same result."""
    runs = with_inputs_of(smoke_runs, "sweep", tmp_path / "runs")
    run, drawn = settings_search.run_test, list[int]()

    def dying(*arguments: Any, **named: Any) -> None:
        drawn.append(1)
        if len(drawn) == 3:
            raise RuntimeError("killed")
        run(*arguments, **named)

    monkeypatch.setattr(settings_search, "run_test", dying)
    with pytest.raises(RuntimeError, match="killed"):
        run_stage_here("sweep", SMOKE, runs)
    run_stage_here("sweep", SMOKE, runs)
    assert len(drawn) == 3 + 2, "the third and the fourth"
    again = Recipe(SMOKE).status(Store(runs))["sweep"].artifact
    assert again and again.digest == smoke["sweep"].digest


def test_too_few_samples_are_refused_before_any_is_drawn(
    smoke_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_search, "run_test", None)
    runs = with_inputs_of(smoke_runs, "sweep", tmp_path / "runs")
    for changes, expected in (
        (["num_samples=31"], "over 16 channels needs at least 32 images, there are 31; name a tap with at most 15"),
        (
            ["reference_images=31"],
            "over 16 channels needs at least 32 images, there are 31; name a tap with at most 15",
        ),
    ):
        with pytest.raises(ValueError, match=expected):
            run_stage_here("sweep", SMOKE, runs, *changes)


def recipe_of_priors_beside(folder: Path, inputs: dict[str, Path], text: str) -> Path:
    """Writes a recipe of stages samples or sweep alone, whose inputs are results; returns its folder."""
    folder.mkdir()
    given = ", ".join(f"{name}: '{path}'" for name, path in inputs.items())
    stage, _, config = text.partition("\n")
    (folder / f"{stage}.yaml").write_text(config)
    (folder / "pipeline.yaml").write_text(f"# for a test\nstages:\n  {stage}: {{{given}}}\n")
    return folder


def test_settings_that_a_prior_of_another_recipe_cannot_have_are_named(
    smoke: dict[str, Artifact], tmp_path: Path
) -> None:
    """Which only its result says: it was trained without label dropout, on one book."""
    prior = Artifact(shutil.copytree(smoke["ar_prior"].path, tmp_path / "ar_prior"))
    say_otherwise(prior.path / "manifest.json", '"label_dropout": 0.1', '"label_dropout": 0.0')
    inputs = {name: smoke[name].path for name in ("data", "tokenizer")} | {"ar_prior": prior.path}
    for number, (setting, values, expected) in enumerate((
        ("guidance.scale", "[2]", "sweep: ar.guidance.scale: guidance needs a prior that was trained without labels"),
        ("temperatures", "[[1, 2]]", "sweep: ar.temperatures: give one for each of 1 books or sub-tokens"),
    )):  # fmt: skip
        text = (SMOKE / "sweep.yaml").read_text().splitlines()[2:]
        block = f"ar: {{vary: [{{setting: {setting}, values: {values}}}]}}"
        recipe = recipe_of_priors_beside(tmp_path / str(number), inputs, "\n".join(["sweep", block, *text]))
        with pytest.raises(ValueError, match=expected):
            run_stage_here("sweep", recipe, tmp_path / "runs")


def test_auto_of_a_prior_that_was_not_swept_is_named(smoke: dict[str, Artifact], tmp_path: Path) -> None:
    inputs = {name: smoke[name].path for name in ("tokenizer", "dit_prior", "sweep")}
    recipe = recipe_of_priors_beside(tmp_path / "recipe", inputs, "samples\ndit: auto\nnum_samples: 9\n")
    with pytest.raises(ValueError, match=r"samples: dit: auto, and .* tried ar, nar; add a block dit to sweep\.yaml"):
        run_stage_here("samples", recipe, tmp_path / "runs")


def test_a_sweep_of_another_prior_is_refused(smoke: dict[str, Artifact], tmp_path: Path) -> None:
    sweep = Artifact(shutil.copytree(smoke["sweep"].path, tmp_path / "sweep"))
    say_otherwise(sweep.path / "manifest.json", smoke["nar_prior"].digest, "0" * 64)
    inputs = {name: smoke[name].path for name in ("tokenizer", "nar_prior")} | {"sweep": sweep.path}
    recipe = recipe_of_priors_beside(tmp_path / "recipe", inputs, "samples\nnar: auto\nnum_samples: 9\n")
    with pytest.raises(
        ValueError, match=r"sweep .* was made from nar_prior \w+, not from .*; name results that belong"
    ):
        run_stage_here("samples", recipe, tmp_path / "runs")


def test_samples_from_before_the_sweep_have_their_settings_in_their_config(
    smoke: dict[str, Artifact], tmp_path: Path
) -> None:
    for stage in ("ar_prior", "samples"):
        folder = tmp_path / "artifacts" / stage / smoke[stage].path.name
        folder.mkdir(parents=True)
        shutil.copy(smoke[stage].path / "manifest.json", folder)
    say_otherwise(folder / "manifest.json", '"settings": {', '"other": {')
    prior = next((tmp_path / "artifacts" / "ar_prior").iterdir())
    shutil.copytree(smoke["ar_prior"].path, prior, dirs_exist_ok=True)
    settings = Prior.load(prior, Tokenizer.load(smoke["tokenizer"].path)).settings
    assert isinstance(settings, ArSamplingConfig) and settings.top_p == 0.95


def test_the_report_shows_what_was_tried(smoke: dict[str, Artifact]) -> None:
    section = sweep_section(smoke["sweep"])
    [(_, [head, *rows])] = section.tables
    assert head[2] == "fd_efficientnet_lite2"
    priors = found(smoke["sweep"])["priors"]
    assert [row[0] for row in rows] == ["AR prior, start", "AR prior, chosen", "NAR prior, start", "NAR prior, chosen"]
    for result, (start, chosen) in zip(priors.values(), (rows[:2], rows[2:]), strict=True):
        [line] = result["lines"]
        for row, number in ((start, 0), (chosen, result["chosen"])):
            assert row[1] == f"{line['setting']} {line['values'][line['tried'].index(number)]}"
            assert row[2] == f"{result['tried'][number]['frechet']:.3f}"
    assert [caption for caption, _ in section.pictures] == ["AR prior", "NAR prior"]
    assert all(str(picture).startswith("data:image/svg+xml") for _, picture in section.pictures)
    assert "Sweep of samplers" in smoke["report"].file("report.html").read_text()
