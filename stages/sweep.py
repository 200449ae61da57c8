"""Stage sweep: the sampler's settings by which each prior comes closest to real images."""

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy as np
import torch
from torch import nn

from configs.schema.sweep import PriorSweepConfig, SweepConfig
from datamodules.index import ImageIndex
from datamodules.sample_indices import SampleIndices
from lit_modules.scores import Judge, LitFeatureScores
from lit_modules.sweep import LitSweep
from pipeline.job import Job, run_stage
from smalti.artifact import Artifact
from smalti.config.dotted_settings import setting
from smalti.config.parsing import plain
from smalti.config.prior_kinds import PRIOR_KINDS, PriorKind
from smalti.config.sampling import SamplingConfig
from smalti.evaluation.figures import Absent
from smalti.features import build_features
from smalti.layers.frozen import Frozen
from smalti.metrics.class_agreement import ClassJudge
from smalti.metrics.frechet import check_enough, distance_between
from smalti.samplers.draw import make_draw
from smalti.tokenizers.vq_tokenizer import VQTokenizer
from stages.results.ancestors import check_judge
from stages.results.coordinate_search import Line, coordinate_search
from stages.results.generation_scores import agreement, fit_class_judge, judged_by, reference_features
from stages.results.published import check_classes, check_size, load_decoders, open_index
from stages.results.sampling import check_settings, common_classes, prior_to_sample, priors_of
from stages.results.score_protocol import distance_name
from stages.results.testing import run_test
from stages.results.tried_settings import Figures, TriedSettings
from stages.training.trainer import build_trainer, lay_out

STAGE = "sweep"


@dataclass(frozen=True)
class Jury:
    """What candidates are judged by: the network, the real images as it sees them, and the class judge; ``decoder``
    makes the images, ``labels`` are those to draw in turn."""

    network: Judge
    reference: LitFeatureScores
    classes: ClassJudge | Absent
    decoder: Frozen[VQTokenizer]
    labels: Sequence[int]


def check_inputs(job: Job, index: ImageIndex, priors: dict[str, Artifact], judge: str) -> None:
    """Raises ValueError if the judge was a teacher, if data or priors don't fit the tokenizer, or if a prior can't have
    one of the settings that are to be tried."""
    config: SweepConfig = job.config
    check_judge(judge, job)
    check_size(index, job.inputs["tokenizer"])
    searches = config.searches()
    for name, artifact in priors.items():
        check_classes(index, artifact)
        if name not in searches:
            raise ValueError(f"sweep: {name}: missing; say what is tried of {artifact.stage} ({name}: {{vary: [...]}})")
        check_settings(job, PRIOR_KINDS[name], artifact, searches[name].around_start())


def measure(
    job: Job, jury: Jury, kind: PriorKind, prior: Frozen[nn.Module], settings: SamplingConfig
) -> dict[str, Any]:
    """Draws the samples of one candidate and judges them, over all ranks; returns its figures."""
    config: SweepConfig = job.config
    quantizer, grid = jury.decoder.network.quantizer, job.inputs["tokenizer"].facts["grid"]
    draw = make_draw(kind, prior.network, settings, config.seed, quantizer, grid)
    module = LitSweep(prior, draw, jury.decoder, jury.network, config.generation_tap, config.classifier_tap)
    run_test(job, module, SampleIndices(jury.labels), np.arange(config.num_samples), num_workers=0)
    figures: dict[str, Any] = {"frechet": distance_between(jury.reference.statistics, module.statistics)}
    if not isinstance(own := agreement(jury.classes, module), Absent):
        figures["class_agreement"] = asdict(own)
    return figures


@dataclass
class Search:
    """The search of one prior's settings: ``tried`` are the figures of all candidates, in the order of their trial."""

    job: Job
    jury: Jury
    kind: PriorKind
    prior: Frozen[nn.Module]
    known: TriedSettings | None
    share: Any
    tried: dict[SamplingConfig, Figures]

    def figure(self, settings: SamplingConfig) -> float:
        """Returns a candidate's distance to real images, which an earlier process may have measured.

        What rank 0 measured or knows counts on all ranks: they must draw the same candidates.
        """
        known = self.known.find(self.kind.name, settings) if self.known else None
        figures: Figures | None = self.share(known)
        if figures is None:
            figures = self.share(measure(self.job, self.jury, self.kind, self.prior, settings))
            assert figures is not None
            if self.known:
                self.known.add(self.kind.name, settings, figures)
        else:
            self.job.done_before += self.job.config.num_samples
        self.tried[settings] = figures
        if not self.job.rank:
            print(f"  {self.kind.name}: {len(self.tried)}: distance {figures['frechet']:.3f}", flush=True)
        return float(figures["frechet"])

    def result(self, block: PriorSweepConfig, best: SamplingConfig, lines: Sequence[Line[SamplingConfig]]) -> Any:
        """Returns what sweep.json says of this prior; candidates are named by their number among ``tried``."""
        number = {settings: i for i, settings in enumerate(self.tried)}
        return {
            "tried": [
                {"settings": plain(settings), "forwards": forwards(settings), **figures}
                for settings, figures in self.tried.items()
            ],
            "lines": [
                {
                    "pass": line.number, "setting": (name := block.vary[line.setting].setting),
                    "values": [setting(candidate, name) for candidate in line.candidates],
                    "candidates": [number[candidate] for candidate in line.candidates], "chosen": number[line.best],
                }
                for line in lines
            ],
            "start": 0, "chosen": number[best],
        }  # fmt: skip


def forwards(settings: SamplingConfig) -> int:
    """Returns the forward passes of a sample, twice as many with guidance: what it costs."""
    return settings.num_forwards * (2 if settings.guidance.active else 1)


def build(job: Job) -> None:
    """Searches the settings of each prior; publishes sweep.json, with every candidate and what was chosen."""
    config: SweepConfig = job.config
    network, index, priors = build_features(config.judge), open_index(job.inputs["data"]), priors_of(job)
    class_names = common_classes(priors.values())
    check_inputs(job, index, priors, network.source.name)
    check_enough(network.channels[config.generation_tap], config.num_samples)
    decoders = load_decoders(job)
    name_of_decoder, decoder = list(decoders.items())[-1]
    lay_out(config.runtime, network, decoder.network)
    judge = Judge(Frozen(network), [config.generation_tap, config.classifier_tap])
    reference = reference_features(job, judge, index, near=np.zeros(0, dtype=np.int64))
    number = reference.statistics.compute()[2]
    check_enough(network.channels[config.generation_tap], number)
    jury = Jury(judge, reference, fit_class_judge(reference, index), decoder, range(len(class_names)))

    strategy = build_trainer(job, logger=False).strategy
    strategy.setup_environment()
    known = None if job.rank else TriedSettings(job.work / "tried.json")
    found, chosen, drawn = {}, {}, 0
    for name, artifact in priors.items():
        block = config.searches()[name]
        prior = prior_to_sample(artifact, config)
        search = Search(job, jury, PRIOR_KINDS[name], prior, known, strategy.broadcast, {})
        along = [functools.partial(block.line, number=number) for number in range(len(block.vary))]
        best, lines = coordinate_search(block.start, along, config.passes, search.figure)
        found[name], chosen[name] = search.result(block, best, lines), best
        drawn += len(search.tried) * config.num_samples
        prior.to(torch.device("cpu"))
    if job.rank:
        return
    distance = distance_name(config, network.source.name, config.generation_tap)
    protocol = {
        "judge": network.source.name, "judge_sha256": job.identity["weights"][config.judge.weights],
        "generation_distance": distance, "generation_tap": config.generation_tap,
        **judged_by(config, reference, jury.classes), "number": config.num_samples, "labels": "balanced, in turn",
        "seed": config.seed, "precision": config.precision, "decoder": name_of_decoder,
    }  # fmt: skip
    file = job.work / "sweep.json"
    file.write_text(json.dumps({"protocol": protocol, "priors": found}, indent=1, allow_nan=False))
    best_of = {name: result["tried"][result["chosen"]]["frechet"] for name, result in found.items()}
    job.publish(
        files={file.name: file},
        facts={
            "settings": {name: plain(settings) for name, settings in chosen.items()}, "frechet": best_of,
            "num_tried": {name: len(result["tried"]) for name, result in found.items()},
            "num_samples": config.num_samples, "seed": config.seed, "class_names": class_names,
            "generation_distance": distance, "tokenizer_digest": job.inputs["tokenizer"].digest,
        },
        images=drawn,
        summary=", ".join(f"{name} {distance} {value:.3f}" for name, value in best_of.items()),
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(STAGE, build)
