"""Scores of reconstructions: how close they come to the val images, and how they use the codebook."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lit_modules.scores import LitReconstructionScores
from smalti.metrics.frechet import FeatureStatistics
from stages.results.figures import Absent, frechet_between, or_none, reasons


@dataclass(frozen=True)
class ReconstructionScores:
    """Figures by phase ("phase1", "phase2"): means over images (PSNR, SSIM, and LPIPS if it is measured) and the
    Frechet distance; usage, perplexity and entropy of the codebook on val."""

    means: Mapping[str, Mapping[str, float]]
    frechet: Mapping[str, float | Absent]
    val_codebook: Mapping[str, float]

    def values(self) -> dict[str, dict[str, Any]]:
        """Returns the figures for scores.json; a Frechet distance is null if it is absent."""
        by_phase = {phase: {**means, "frechet": or_none(self.frechet[phase])} for phase, means in self.means.items()}
        return {**by_phase, "val_codebook": dict(self.val_codebook)}

    def absent(self) -> dict[str, str]:
        """Returns the reasons of absent figures, by name."""
        return reasons({f"reconstruction/{phase}/frechet": distance for phase, distance in self.frechet.items()})


def reconstruction_scores(module: LitReconstructionScores) -> ReconstructionScores:
    """Returns the scores of the tokenizers that ``module`` has tested, over all ranks."""
    means, frechet = {}, {}
    for phase, metrics in module.means.items():
        means[phase] = {name: float(metric.compute()) for name, metric in metrics.items()}  # type: ignore[operator]
        statistics = module.statistics[phase]
        assert isinstance(statistics, FeatureStatistics)
        frechet[phase] = frechet_between(module.reference, statistics)
    val_codebook = {name: float(value) for name, value in module.usage.compute().items()}
    return ReconstructionScores(means, frechet, val_codebook)
