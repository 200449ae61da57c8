"""Scores of samples: how close they come to real images, how often they show the class asked for, and their tokens."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from configs.schema.generation import GenerationConfig
from configs.schema.scores import ScoresConfig
from datamodules.index import ImageIndex
from lit_modules.scores import Judge, LitFeatureScores, LitReconstructionScores
from pipeline.job import Job
from smalti.artifact import Artifact
from smalti.config.features import InceptionConfig
from smalti.evaluation.figures import Absent, by_name, frechet_between, or_none, reasons, unless_too_few
from smalti.metrics.class_agreement import Agreement, ClassJudge
from smalti.metrics.inception import PARTS, inception_score
from smalti.metrics.neighbours import COUNTED, Manifold, manifold
from stages.results.generated_tokens import generated_usage
from stages.results.generation_images import (
    RealImages,
    classifier_members,
    manifold_members,
    reference_members,
    sample_images,
)
from stages.results.testing import run_test

Classified = LitFeatureScores | LitReconstructionScores  # with the features and labels of images, for a class judge


@dataclass(frozen=True)
class SampleScores:
    """Figures of the samples of one prior, decoded by one decoder."""

    frechet: float | Absent
    manifold: Manifold | Absent
    inception_score: Mapping[str, float] | Absent
    class_agreement: Agreement | Absent

    def values(self) -> dict[str, Any]:
        """Returns the figures for scores.json: ``frechet`` is null if it is absent, the others are left out."""
        values: dict[str, Any] = {"frechet": or_none(self.frechet)}
        if not isinstance(self.manifold, Absent):
            values |= asdict(self.manifold)
        if not isinstance(self.inception_score, Absent):
            values["inception_score"] = dict(self.inception_score)
        if not isinstance(self.class_agreement, Absent):
            values["class_agreement"] = asdict(self.class_agreement)
        return values


@dataclass(frozen=True)
class GenerationScores:
    """Figures of samples by their name, such as "ar/phase1", and of their tokens by prior.

    ``val_agreement`` is what the class judge reaches on val images, for comparison; ``measured`` says which images were
    measured, and how their neighbours were counted.
    """

    val_agreement: Agreement | Absent
    samples: Mapping[str, SampleScores]
    codebook: Mapping[str, Mapping[str, float]]
    measured: Mapping[str, Any]

    def values(self) -> dict[str, Any]:
        """Returns the figures for scores.json; those of tokens are named as "ar/codebook"."""
        val = {} if isinstance(self.val_agreement, Absent) else {"val": asdict(self.val_agreement)}
        tokens = {f"{prior}/codebook": dict(figures) for prior, figures in self.codebook.items()}
        return val | {name: scores.values() for name, scores in self.samples.items()} | tokens

    def absent(self) -> dict[str, str]:
        """Returns the reasons of absent figures, by name.

        All but distances are absent of all samples alike, and so named once.
        """
        figures: dict[str, object] = {}
        for name, scores in self.samples.items():
            figures["generation/class_agreement"] = scores.class_agreement
            figures["generation/inception_score"] = scores.inception_score
            figures |= {f"generation/{of}": figure for of, figure in by_name(scores.manifold).items()}
            figures[f"generation/{name}/frechet"] = scores.frechet
        return reasons(figures)


def generation_scores(job: Job, judge: Judge, index: ImageIndex, val: LitReconstructionScores) -> GenerationScores:
    """Measures the samples against real images, over all ranks; ``val`` has seen the val images."""
    config: ScoresConfig = job.config
    samples = job.inputs["samples"]
    reference = reference_features(job, judge, index, manifold_members(index, config))
    class_judge = fit_class_judge(reference, index)
    logits_tap = inception_tap(config, samples)
    scores: dict[str, SampleScores] = {}
    for name, images in sample_images(samples):
        module = LitFeatureScores(judge, config.generation_tap, config.classifier_tap, or_none(logits_tap))
        run_test(job, module, images, np.arange(len(images)), num_workers=0)
        scores[name] = SampleScores(
            frechet=frechet_between(reference.statistics, module.statistics),
            manifold=unless_too_few(partial(manifold, module.manifold_features, reference.manifold_features)),
            inception_score=logits_tap if isinstance(logits_tap, Absent) else inception_score(module.ordered_logits()),
            class_agreement=agreement(class_judge, module),
        )
    measured = measured_images(config, reference, class_judge, samples.facts["num_samples"])
    return GenerationScores(agreement(class_judge, val), scores, generated_usage(samples), measured)


def reference_features(job: Job, judge: Judge, index: ImageIndex, near: np.ndarray) -> LitFeatureScores:
    """Returns the features of the real images that samples are compared with, and of those that the class judge is
    fitted to; of the images ``near``, which are among the first, one by one."""
    config: GenerationConfig = job.config
    images = RealImages(index, reference_members(index, config), classifier_members(index, config), near)
    module = LitFeatureScores(judge, config.generation_tap, config.classifier_tap)
    run_test(job, module, images, images.members, job.config.runtime.num_workers)
    return module


def measured_images(
    config: ScoresConfig, reference: LitFeatureScores, class_judge: ClassJudge | Absent, num_samples: int
) -> dict[str, Any]:
    """Returns for the protocol which images were measured; unreadable ones aren't counted."""
    judged = judged_by(config, reference, class_judge)
    if "class_judge" in judged:
        judged["class_judge"] += ", compared on the val images"
    num_near = len(reference.manifold_features)
    near = {
        "neighbours": COUNTED, "tap": config.generation_tap, "features": "float32, averaged over positions",
        "real": num_near, "samples": num_samples, "reference": real_images(num_near, config),
    }  # fmt: skip
    tokens = f"all tokens of the {num_samples} samples of each prior, as drawn"
    return {**judged, "manifold": near, "generation_codebook": tokens}


def real_images(number: int, config: GenerationConfig) -> str:
    """Returns so many of the real images that samples are compared with, in words."""
    return f"{number} {'train and val' if config.reference == 'all' else config.reference} images, centre crops"


def judged_by(
    config: GenerationConfig, reference: LitFeatureScores, class_judge: ClassJudge | Absent
) -> dict[str, str]:
    """Returns for the protocol which real images samples are compared with, and to which the class judge was fitted."""
    judged = {"generation_reference": real_images(reference.statistics.compute()[2], config)}
    if not isinstance(class_judge, Absent):
        fitted = len(_classified(reference)[1])
        judged["class_judge"] = f"fitted to {fitted} train images"
    return judged


def fit_class_judge(reference: LitFeatureScores, index: ImageIndex) -> ClassJudge | Absent:
    """Returns a classifier that is fitted to train images."""
    if len(index.facts.class_names) < 2:
        return Absent("fewer than two classes")
    return ClassJudge(*_classified(reference))


def agreement(class_judge: ClassJudge | Absent, module: Classified) -> Agreement | Absent:
    """Returns how often the class judge finds the class of an image that ``module`` has seen."""
    return class_judge if isinstance(class_judge, Absent) else class_judge.agreement(*_classified(module))


def _classified(module: Classified) -> tuple[np.ndarray, np.ndarray]:
    return module.features.compute().numpy(), module.labels.compute().long().numpy()


def inception_tap(config: ScoresConfig, samples: Artifact) -> str | Absent:
    """Returns the tap of the judge whose logits give the Inception score."""
    if not isinstance(config.judge, InceptionConfig):
        return Absent("the judge isn't of kind inception")
    if samples.facts["num_samples"] < PARTS:
        return Absent(f"fewer than {PARTS} samples")
    return "logits"
