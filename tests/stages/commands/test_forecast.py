"""What doctor foretells."""

from pathlib import Path

import pytest
import torch
from conftest import SMOKE

from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from smalti.config.parsing import ConfigError
from stages.commands.doctor import check_forecast, check_images
from stages.commands.forecast import absent_scores, late_gans, small_sweeps, wrong_networks


def test_a_recipe_that_is_right_has_no_problem(smoke_runs: Path) -> None:
    recipe = Recipe(SMOKE)
    assert not [*wrong_networks(recipe), *small_sweeps(recipe), *late_gans(recipe)]
    first, *absent = check_forecast(recipe, Store(smoke_runs))
    assert first[0] and first[1].startswith("feature networks load")
    assert all(text.startswith("will be absent: ") for _, text in absent)


@pytest.mark.parametrize(
    ("change", "stage", "expected"),
    [
        ("codebook.tap=block99", "codebook", "tap: efficientnet_lite0 has no tap 'block99'; it has "),
        ("sweep.generation_tap=none", "sweep", "generation_tap: efficientnet_lite2 has no tap 'none'; it has "),
        ("scores.generation_tap=none", "scores", "generation_tap: efficientnet_lite2 has no tap 'none'; it has "),
        ("tokenizer.perceptual.low={block0: 1, blockX: 1}", "tokenizer", "perceptual.low: efficientnet_lite0 has no"),
    ],
)
def test_a_tap_that_is_not_there_is_named(change: str, stage: str, expected: str) -> None:
    [(found, text)] = wrong_networks(Recipe(SMOKE, [change]))
    assert found == stage and text.startswith(expected)


def test_weights_of_another_network_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path))
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.pth")
    [(stage, text)] = wrong_networks(Recipe(SMOKE, ["scores.judge.weights=other.pth"]))
    assert stage == "scores" and text.startswith("efficientnet_lite2: ") and "other.pth" in text


def test_a_sweep_of_too_few_samples_is_named() -> None:
    [(stage, text)] = small_sweeps(Recipe(SMOKE, ["sweep.num_samples=31"]))
    assert stage == "sweep" and "num_samples: Frechet distance over 16 channels needs at least 32 images" in text


def test_a_gan_that_would_never_start_is_named() -> None:
    [(stage, text)] = late_gans(Recipe(SMOKE, ["tokenizer.training.updates=8"]))
    assert stage == "tokenizer" and text.startswith("gan.generator_start 8: the training ends at update 8, and never")
    assert not [*late_gans(Recipe(SMOKE, ["tokenizer.training.updates=8", "tokenizer.gan.weight=0"]))]


def test_scores_that_will_be_absent_have_their_reason(smoke: dict[str, Artifact]) -> None:
    """Those that are absent in the end, and no others."""
    recipe = Recipe(SMOKE)
    foretold = list(absent_scores(recipe, smoke["data"]))
    absent = smoke["scores"].facts["protocol"]["absent"]
    assert "lpips" not in smoke["scores"].facts["reconstruction"]["phase1"]
    assert any(text.startswith("LPIPS") for text in foretold)
    assert any(text.startswith("Inception score") for text in foretold)
    for name, tap in (("reconstruction", "reconstruction_tap"), ("generation/", "generation_tap")):
        said = any(text.startswith(f"the Frechet distance at {tap}") for text in foretold)
        assert said == any("frechet" in key and key.startswith(name) for key in absent)
    few = list(absent_scores(Recipe(SMOKE, ["samples.num_samples=3", "scores.generation_tap=block6"]), smoke["data"]))
    assert any("at generation_tap block6: " in text and "samples, there are 3" in text for text in few)
    near = [text for text in few if text.startswith("precision")]
    assert near == ["precision, recall, density and coverage need 6 samples, there are 3"] and not any(
        text.startswith("precision") for text in foretold
    )
    [real] = (
        text
        for text in absent_scores(Recipe(SMOKE, ["scores.manifold_images=5"]), smoke["data"])
        if text.startswith("precision")
    )
    assert real.endswith("need 6 reference images, there are 5")


def test_an_image_size_that_the_tokens_do_not_divide_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"data\.yaml: image_size 60: tokens of 8 x 8 px don't divide it; take 56"):
        Recipe(SMOKE, ["data.image_size=60"])


def test_unreadable_images_are_told_by_the_report_of_the_data_command(
    smoke: dict[str, Artifact], smoke_runs: Path
) -> None:
    [(good, text)] = check_images(Recipe(SMOKE), Store(smoke_runs))
    assert good and text == "images not looked at: python -m pipeline data reads them all"
