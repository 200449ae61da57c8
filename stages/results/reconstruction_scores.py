"""Scores of reconstructions: how close they come to the val images, and how they use the codebook."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lit_modules.scores import LitReconstructionScores
from smalti.evaluation.figures import Absent, frechet_between, or_none, reasons
from smalti.metrics.frechet import FeatureStatistics
from smalti.metrics.inception import PARTS, inception_score
from smalti.metrics.usage_window import WINDOW

WINDOW_USAGE = f"usage_{WINDOW}"


@dataclass(frozen=True)
class InceptionScores:
    """Inception score over parts of shuffled images, and over parts of the images in the order of the data.

    ImageNet's are in the order of their classes. A part has few of them then, and the score is far lower: it is what
    LlamaGen's and FQGAN's code gives for reconstructions, since it doesn't shuffle them.
    """

    shuffled: Mapping[str, float]
    in_order: Mapping[str, float]

    def values(self) -> dict[str, dict[str, float]]:
        """Returns the figures for scores.json."""
        return {"inception_score": dict(self.shuffled), "inception_score_in_order": dict(self.in_order)}


@dataclass(frozen=True)
class ReconstructionScores:
    """Figures by phase ("phase1", "phase2"): means over images (PSNR, SSIM, and LPIPS if it is measured), the Frechet
    distance and the Inception scores; usage, perplexity and entropy of the codebook on val, and its usage among a fixed
    number of tokens."""

    means: Mapping[str, Mapping[str, float]]
    frechet: Mapping[str, float | Absent]
    inception: Mapping[str, InceptionScores] | Absent
    val_codebook: Mapping[str, float]
    window_usage: Mapping[str, float] | Absent

    def values(self) -> dict[str, dict[str, Any]]:
        """Returns the figures for scores.json; a Frechet distance is null if it is absent, others are left out."""
        by_phase: dict[str, dict[str, Any]] = {
            phase: {**means, "frechet": or_none(self.frechet[phase])} for phase, means in self.means.items()
        }
        if not isinstance(self.inception, Absent):
            by_phase = {phase: {**values, **self.inception[phase].values()} for phase, values in by_phase.items()}
        window = {} if isinstance(self.window_usage, Absent) else self.window_usage
        return {**by_phase, "val_codebook": {**self.val_codebook, **window}}

    def absent(self) -> dict[str, str]:
        """Returns the reasons of absent figures, by name."""
        figures: dict[str, object] = {
            f"reconstruction/{phase}/frechet": distance for phase, distance in self.frechet.items()
        }
        figures["reconstruction/inception_score"] = self.inception
        figures[f"reconstruction/val_codebook/{WINDOW_USAGE}"] = self.window_usage
        return reasons(figures)


def reconstruction_scores(module: LitReconstructionScores) -> ReconstructionScores:
    """Returns the scores of the tokenizers that ``module`` has tested, over all ranks."""
    frechet = {}
    for phase in module.means:
        statistics = module.statistics[phase]
        assert isinstance(statistics, FeatureStatistics)
        frechet[phase] = frechet_between(module.reference, statistics)
    val_codebook = {name: float(value) for name, value in module.usage.compute().items()}
    return ReconstructionScores(module.means, frechet, inception_scores(module), val_codebook, window_usage(module))


def inception_scores(module: LitReconstructionScores) -> dict[str, InceptionScores] | Absent:
    """Returns the Inception scores of the reconstructions of each phase."""
    if module.logits_tap is None:
        return Absent("the judge isn't of kind inception")
    scores = {}
    for phase in module.logits:
        logits = module.ordered_logits(phase)
        if len(logits) < PARTS:
            return Absent(f"fewer than {PARTS} val images")
        shuffle = np.random.Generator(np.random.PCG64(0)).permutation(len(logits))
        scores[phase] = InceptionScores(inception_score(logits[shuffle]), inception_score(logits))
    return scores


def window_usage(module: LitReconstructionScores) -> dict[str, float] | Absent:
    """Returns the usage among a fixed number of tokens: the mean over books, and that of each if there are several."""
    books: list[float] = module.window_usage.compute()
    if any(np.isnan(books)):
        return Absent(f"fewer than {WINDOW} val tokens of each book")
    each = {f"{WINDOW_USAGE}/{i}": usage for i, usage in enumerate(books)} if len(books) > 1 else {}
    return {WINDOW_USAGE: float(np.mean(books)), **each}
