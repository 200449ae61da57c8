"""Stage sweep: the sampler's settings by which each prior comes closest to real images."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from configs.schema.sweep import SweepConfig
from datamodules.index import ImageIndex
from lit_modules.scores import Judge
from pipeline.job import Job, run_stage
from smalti.artifact import Artifact
from smalti.config.parsing import plain
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.features import FeatureNetwork, build_features
from smalti.layers.frozen import Frozen
from smalti.metrics.frechet import check_enough
from stages.results.ancestors import check_judge
from stages.results.generation_scores import fit_class_judge, judged_by, reference_features
from stages.results.published import check_classes, check_size, load_decoders, open_index
from stages.results.sampling import check_settings, common_classes, prior_to_sample, priors_of
from stages.results.score_protocol import distance_name
from stages.results.settings_search import Jury, SettingsSearch
from stages.training.trainer import build_trainer, lay_out

STAGE = "sweep"


def check_inputs(job: Job, index: ImageIndex, priors: Mapping[str, Artifact], judge: str) -> None:
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


def assemble_jury(job: Job, index: ImageIndex, network: FeatureNetwork, num_classes: int) -> tuple[str, Jury]:
    """Returns the name of the decoder, the last one, and what candidates are judged by.

    Raises:
        ValueError: there are too few real images, or samples, for the tap.
    """
    config: SweepConfig = job.config
    width = network.channels[config.generation_tap]
    check_enough(width, config.num_samples)
    name, decoder = list(load_decoders(job).items())[-1]
    lay_out(config.runtime, network, decoder.network)
    judge = Judge(Frozen(network), [config.generation_tap, config.classifier_tap])
    reference = reference_features(job, judge, index, near=np.zeros(0, dtype=np.int64))
    check_enough(width, reference.statistics.compute()[2])
    return name, Jury(judge, reference, fit_class_judge(reference, index), decoder, range(num_classes))


def protocol(job: Job, judge: str, jury: Jury, decoder: str) -> dict[str, Any]:
    """Returns how candidates were measured."""
    config: SweepConfig = job.config
    return {
        "judge": judge, "judge_sha256": job.identity["weights"][config.judge.weights],
        "generation_distance": distance_name(config, judge, config.generation_tap),
        "generation_tap": config.generation_tap, **judged_by(config, jury.reference, jury.class_judge),
        "number": config.num_samples, "labels": "balanced, in turn", "seed": config.seed,
        "precision": config.precision, "decoder": decoder,
    }  # fmt: skip


def build(job: Job) -> None:
    """Searches the settings of each prior; publishes sweep.json, with every candidate and what was chosen."""
    config: SweepConfig = job.config
    network, index, priors = build_features(config.judge), open_index(job.inputs["data"]), priors_of(job)
    class_names = common_classes(priors.values())
    check_inputs(job, index, priors, network.source.name)
    decoder, jury = assemble_jury(job, index, network, len(class_names))
    strategy = build_trainer(job, logger=False).strategy
    strategy.setup_environment()
    search = SettingsSearch(job, jury, strategy.broadcast)
    found = {}
    for name, artifact in priors.items():
        prior = prior_to_sample(artifact, config)
        found[name] = search.search(PRIOR_KINDS[name], prior, config.searches()[name])
        prior.to(torch.device("cpu"))
    if job.rank:
        return
    said = protocol(job, network.source.name, jury, decoder)
    file = job.work / "sweep.json"
    results = {name: one.values() for name, one in found.items()}
    file.write_text(json.dumps({"protocol": said, "priors": results}, indent=1, allow_nan=False))
    distances = {name: one.tried[one.best]["frechet"] for name, one in found.items()}
    job.publish(
        files={file.name: file},
        facts={
            "settings": {name: plain(one.best) for name, one in found.items()},
            "frechet": distances, "generation_distance": said["generation_distance"],
            "num_tried": {name: len(one.tried) for name, one in found.items()},
            "num_samples": config.num_samples, "seed": config.seed, "class_names": class_names,
            "tokenizer_digest": job.inputs["tokenizer"].digest,
        },
        images=config.num_samples * sum(len(one.tried) for one in found.values()),
        summary=", ".join(f"{name} {said['generation_distance']} {value:.3f}" for name, value in distances.items()),
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(STAGE, build)
