"""A figure is a value in scores.json, or absent there with its reason in the protocol."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from smalti.config.features import EfficientNetLiteConfig, InceptionConfig
from smalti.evaluation.figures import Absent, frechet_between
from smalti.metrics.class_agreement import Agreement
from smalti.metrics.frechet import FeatureStatistics
from smalti.metrics.neighbours import Manifold
from stages.results.generation_scores import GenerationScores, SampleScores, fit_class_judge, inception_tap
from stages.results.reconstruction_scores import (
    InceptionScores,
    ReconstructionScores,
    inception_scores,
    window_usage,
)

AGREEMENT = Agreement(balanced=0.5, plain=0.75)
INCEPTION = {"mean": 2.0, "std": 0.5}
MANIFOLD = Manifold(precision=0.5, recall=0.25, density=1.25, coverage=0.75)


def test_a_distance_of_too_few_images_is_absent() -> None:
    """Two images a channel are needed; 12 images of 4 channels are enough, of 8 aren't."""
    for width, is_absent in ((4, False), (8, True)):
        a, b = FeatureStatistics(width), FeatureStatistics(width)
        a.update(torch.randn(100, width))
        b.update(torch.randn(12, width))
        distance = frechet_between(a, b)
        assert isinstance(distance, Absent) == is_absent
        assert not isinstance(distance, Absent) or "needs at least 16 images, there are 12" in distance.reason


def test_an_absent_distance_of_reconstructions_is_null_and_has_its_reason() -> None:
    scores = ReconstructionScores(
        means={"phase1": {"psnr": 20.0, "ssim": 0.5}, "phase2": {"psnr": 21.0, "ssim": 0.6}},
        frechet={"phase1": 3.0, "phase2": Absent("too few images")},
        inception=Absent("another judge"),
        val_codebook={"usage": 1.0},
        window_usage=Absent("too few tokens"),
    )
    assert scores.values() == {
        "phase1": {"psnr": 20.0, "ssim": 0.5, "frechet": 3.0},
        "phase2": {"psnr": 21.0, "ssim": 0.6, "frechet": None},
        "val_codebook": {"usage": 1.0},
    }
    assert scores.absent() == {
        "reconstruction/phase2/frechet": "too few images",
        "reconstruction/inception_score": "another judge",
        "reconstruction/val_codebook/usage_65536": "too few tokens",
    }


def test_inception_scores_and_usage_in_a_window_are_values_where_they_are_there() -> None:
    lower = {"mean": 1.5, "std": 0.1}
    scores = ReconstructionScores(
        means={"phase1": {"psnr": 20.0}},
        frechet={"phase1": 3.0},
        inception={"phase1": InceptionScores(shuffled=INCEPTION, in_order=lower)},
        val_codebook={"usage": 1.0},
        window_usage={"usage_65536": 0.9},
    )
    assert scores.values() == {
        "phase1": {"psnr": 20.0, "frechet": 3.0, "inception_score": INCEPTION, "inception_score_in_order": lower},
        "val_codebook": {"usage": 1.0, "usage_65536": 0.9},
    }
    assert scores.absent() == {}


def classified(number: int) -> Any:
    """A tested module whose images are each sure of their own of ten classes, in the order of the classes."""
    logits = 50 * torch.eye(10).repeat_interleave(number // 10, dim=0)
    return SimpleNamespace(logits_tap="logits", logits=["phase1"], ordered_logits={"phase1": logits}.__getitem__)


def test_an_inception_score_class_by_class_is_far_below_that_of_shuffled_images() -> None:
    """Each tenth of the images in order shows one class alone, a tenth of the shuffled ones nearly all ten."""
    found = inception_scores(classified(1000))
    assert not isinstance(found, Absent)
    assert found["phase1"].in_order["mean"] == pytest.approx(1) and 9 < found["phase1"].shuffled["mean"] <= 10
    few: Any = SimpleNamespace(logits_tap="logits", logits=["phase1"], ordered_logits=lambda phase: torch.zeros(9, 10))
    assert inception_scores(few) == Absent("fewer than 10 val images")
    other: Any = SimpleNamespace(logits_tap=None)
    assert inception_scores(other) == Absent("the judge isn't of kind inception")


def test_usage_in_a_window_is_of_each_book_and_their_mean() -> None:
    def tested(*books: float) -> Any:
        return SimpleNamespace(window_usage=SimpleNamespace(compute=lambda: list(books)))

    assert window_usage(tested(0.5, 1.0)) == {"usage_65536": 0.75, "usage_65536/0": 0.5, "usage_65536/1": 1.0}
    assert window_usage(tested(0.5)) == {"usage_65536": 0.5}
    assert window_usage(tested(torch.nan, torch.nan)) == Absent("fewer than 65536 val tokens of each book")


def test_figures_of_samples_are_values_where_they_are_there() -> None:
    samples = {"ar/phase1": SampleScores(3.0, MANIFOLD, INCEPTION, AGREEMENT)}
    scores = GenerationScores(AGREEMENT, samples, {"ar": {"usage": 0.5}}, {})
    agreement = {"balanced": 0.5, "plain": 0.75}
    near = {"precision": 0.5, "recall": 0.25, "density": 1.25, "coverage": 0.75}
    assert scores.values() == {
        "val": agreement,
        "ar/phase1": {"frechet": 3.0, **near, "inception_score": INCEPTION, "class_agreement": agreement},
        "ar/codebook": {"usage": 0.5},
    }
    assert scores.absent() == {}


def test_what_is_absent_of_all_samples_is_named_once() -> None:
    classes, inception = Absent("fewer than two classes"), Absent("the judge isn't of kind inception")
    near = Absent("5 images of samples")
    samples = {
        "ar/phase1": SampleScores(Absent("too few"), near, inception, classes),
        "nar/phase1": SampleScores(3.0, near, inception, classes),
        "nar/phase2": SampleScores(Absent("too few"), near, inception, classes),
    }
    scores = GenerationScores(classes, samples, {}, {})
    assert scores.values() == {
        "ar/phase1": {"frechet": None}, "nar/phase1": {"frechet": 3.0}, "nar/phase2": {"frechet": None}
    }  # fmt: skip
    assert scores.absent() == {
        "generation/class_agreement": "fewer than two classes",
        "generation/inception_score": "the judge isn't of kind inception",
        **{f"generation/{name}": "5 images of samples" for name in ("precision", "recall", "density", "coverage")},
        "generation/ar/phase1/frechet": "too few",
        "generation/nar/phase2/frechet": "too few",
    }


@pytest.mark.parametrize(
    ("judge", "num_samples", "expected"),
    [
        (InceptionConfig(), 10, "logits"),
        (InceptionConfig(), 9, Absent("fewer than 10 samples")),
        (EfficientNetLiteConfig(kind="efficientnet_lite0"), 10, Absent("the judge isn't of kind inception")),
    ],
)
def test_the_inception_score_needs_an_inception_and_ten_parts(judge: Any, num_samples: int, expected: Any) -> None:
    samples: Any = SimpleNamespace(facts={"num_samples": num_samples})
    config: Any = SimpleNamespace(judge=judge)
    assert inception_tap(config, samples) == expected


def test_a_class_judge_needs_two_classes() -> None:
    index: Any = SimpleNamespace(facts=SimpleNamespace(class_names=["cat"]))
    unused: Any = None
    assert fit_class_judge(unused, index) == Absent("fewer than two classes")
