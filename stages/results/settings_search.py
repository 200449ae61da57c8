"""The search for the settings of samplers: candidates are drawn, judged and remembered."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import nn

from configs.schema.sweep import PriorSweepConfig, SweepConfig
from datamodules.sample_indices import SampleIndices
from lit_modules.scores import Judge, LitFeatureScores
from lit_modules.sweep import LitSweep
from pipeline.job import Job
from smalti.config.dotted_settings import setting
from smalti.config.parsing import plain
from smalti.config.prior_kinds import PriorKind
from smalti.config.sampling import SamplingConfig
from smalti.evaluation.figures import Absent
from smalti.layers.frozen import Frozen
from smalti.metrics.class_agreement import ClassJudge
from smalti.metrics.frechet import distance_between
from smalti.samplers.draw import make_draw
from smalti.tokenizers.vq_tokenizer import VQTokenizer
from stages.results.coordinate_search import Line, coordinate_search
from stages.results.generation_scores import agreement
from stages.results.testing import run_test
from stages.results.tried_settings import Figures, TriedSettings


@dataclass(frozen=True)
class Jury:
    """What candidates are judged by: the network, the real images as it sees them, and the class judge. ``decoder``
    makes the images, ``labels`` are drawn in turn."""

    network: Judge
    reference: LitFeatureScores
    class_judge: ClassJudge | Absent
    decoder: Frozen[VQTokenizer]
    labels: Sequence[int]


@dataclass(frozen=True)
class Found:
    """What a search found: the figures of all candidates in the order of their trial, the lines on which they lie, and
    the best of them."""

    block: PriorSweepConfig
    tried: Mapping[SamplingConfig, Figures]
    lines: Sequence[Line[SamplingConfig]]
    best: SamplingConfig

    def values(self) -> dict[str, Any]:
        """Returns all of it for sweep.json, where candidates are numbered in the order of their trial, the start 0."""
        numbers = {settings: number for number, settings in enumerate(self.tried)}
        lines = []
        for line in self.lines:
            name = self.block.vary[line.setting].setting
            values = [setting(plain(candidate), name) for candidate in line.candidates]
            on_line = [numbers[candidate] for candidate in line.candidates]
            lines.append(
                {"pass": line.number, "setting": name, "values": values, "tried": on_line, "chosen": numbers[line.best]}
            )
        tried = [
            {"settings": plain(settings), "forwards": settings.guided_forwards, **figures}
            for settings, figures in self.tried.items()
        ]
        return {"tried": tried, "lines": lines, "chosen": numbers[self.best]}


class SettingsSearch:
    """The search for the settings of each prior, by one jury."""

    def __init__(self, job: Job, jury: Jury, share: Callable[[Any], Any]) -> None:
        """
        Args:
            share: gives every rank what rank 0 has. All must go the same way, and their figures might differ in the
                last bit.

        Raises:
            ValueError: what an earlier process measured can't be read.
        """
        self.job, self.jury, self.share = job, jury, share
        self.known = TriedSettings(job.work / "tried.json")

    def search(self, kind: PriorKind, prior: Frozen[nn.Module], block: PriorSweepConfig) -> Found:
        """Searches the settings of one prior, over all ranks; what an earlier process measured isn't drawn again."""
        tried: dict[SamplingConfig, Figures] = {}

        def distance(settings: SamplingConfig) -> float:
            tried[settings] = self._figures(kind, prior, settings)
            if not self.job.rank:
                named = {axis.setting: setting(plain(settings), axis.setting) for axis in block.vary}
                said = ", ".join(f"{name} {value}" for name, value in named.items())
                print(f"  {kind.name}: {said}: distance {tried[settings]['frechet']:.4f}", flush=True)
            return float(tried[settings]["frechet"])

        along = [functools.partial(block.line, number=number) for number in range(len(block.vary))]
        best, lines = coordinate_search(block.start, along, self.job.config.passes, distance)
        return Found(block, tried, lines, best)

    def _figures(self, kind: PriorKind, prior: Frozen[nn.Module], settings: SamplingConfig) -> Figures:
        known: Figures | None = self.share(self.known.find(kind.name, settings))
        if known is not None:
            self.job.done_before += self.job.config.num_samples
            return known
        figures: Figures = self.share(self._measure(kind, prior, settings))
        if not self.job.rank:
            self.known.add(kind.name, settings, figures)
        return figures

    def _measure(self, kind: PriorKind, prior: Frozen[nn.Module], settings: SamplingConfig) -> Figures:
        """Draws the samples of a candidate and judges them, over all ranks."""
        config: SweepConfig = self.job.config
        jury, grid = self.jury, self.job.inputs["tokenizer"].facts["grid"]
        draw = make_draw(kind, prior.network, settings, config.seed, jury.decoder.network.quantizer, grid)
        module = LitSweep(prior, draw, jury.decoder, jury.network, config.generation_tap, config.classifier_tap)
        run_test(self.job, module, SampleIndices(jury.labels), np.arange(config.num_samples), num_workers=0)
        figures: dict[str, Any] = {"frechet": distance_between(jury.reference.statistics, module.statistics)}
        if not isinstance(own := agreement(jury.class_judge, module), Absent):
            figures["class_agreement"] = asdict(own)
        return figures
