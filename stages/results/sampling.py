"""Priors that are sampled, and how: what stages samples and sweep have in common."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
from torch import nn

from configs.schema.contradictions import guidance
from configs.schema.samples import AUTO, SamplesConfig
from configs.schema.sweep import SweepConfig
from pipeline.job import Job
from smalti.artifact import MANIFEST, Artifact
from smalti.config.parsing import parse_value
from smalti.config.prior_kinds import PRIOR_STAGES, PriorKind, TokenSpace
from smalti.config.sampling import GuidanceConfig, SamplingConfig
from smalti.layers.frozen import Frozen
from smalti.layers.small_batch_linear import for_small_batches
from smalti.published import describe_prior, describe_tokenizer
from stages.results.published import check_tokenizer, load_prior


def priors_of(job: Job) -> dict[str, Artifact]:
    """Returns the priors that a stage was given, by the name of their kind.

    Raises:
        ValueError: it was given none, or one of another tokenizer.
    """
    priors = {kind.name: job.inputs[stage] for stage, kind in PRIOR_STAGES.items() if stage in job.inputs}
    if not priors:
        raise ValueError(f"stage {job.stage} has no prior; give it one of {', '.join(PRIOR_STAGES)} in pipeline.yaml")
    check_tokenizer(priors.values(), job.inputs["tokenizer"])
    return priors


def common_classes(priors: Iterable[Artifact]) -> list[str]:
    """Returns the names of the classes with which all priors were trained.

    Raises:
        ValueError: one of them was trained with other classes.
    """
    first, *others = priors
    class_names: list[str] = first.facts["class_names"]
    for other in others:
        if other.facts["class_names"] != class_names:
            raise ValueError(
                f"{other.stage} was trained with {len(other.facts['class_names'])} classes, {first.stage} with "
                f"{len(class_names)} or with other ones; sample them in two recipes"
            )
    return class_names


def prior_to_sample(artifact: Artifact, config: SamplesConfig | SweepConfig) -> Frozen[nn.Module]:
    """Returns a published prior, fast to sample from on the devices of the recipe, in the precision that it names."""
    prior = Frozen(load_prior(artifact))
    if config.runtime.accelerator == "cpu" or not torch.cuda.is_available():
        for_small_batches(prior.network)
    if config.precision == "bf16-true":
        prior.network.bfloat16()
    return prior


def sampling_settings(job: Job, kind: PriorKind, artifact: Artifact) -> SamplingConfig:
    """Returns how stage samples samples a prior: as its config says, or as stage sweep chose.

    Of a prior without classes guidance is left out, since it changes nothing.

    Raises:
        ValueError: nobody says how, or the prior can't be sampled so.
    """
    block = getattr(job.config, kind.name)
    if block is None:
        raise ValueError(f"samples: {kind.name}: missing; say how {kind.stage} is sampled ({kind.name}: {{}})")
    settings = chosen_settings(job, kind) if block == AUTO else block
    if settings.guidance.active and not artifact.facts["class_names"]:
        print(f"  {kind.name}: there are no classes to guide by; the guidance is left out", flush=True)
        settings = replace(settings, guidance=GuidanceConfig())
    check_settings(job, kind, artifact, [settings])
    return settings


def chosen_settings(job: Job, kind: PriorKind) -> SamplingConfig:
    """Returns the settings that stage sweep chose for a prior.

    That the sweep was made with the very prior which is sampled is checked before a stage starts, as of all inputs.

    Raises:
        ValueError: there is no sweep, it didn't try this prior, or it drew the very noise that samples will draw.
    """
    if "sweep" not in job.inputs:
        raise ValueError(f"{job.stage}: {kind.name}: auto, and there is no input sweep; add it, or write the settings")
    sweep = job.inputs["sweep"]
    chosen = sweep.facts["settings"]
    if kind.name not in chosen:
        raise ValueError(
            f"{job.stage}: {kind.name}: auto, and {sweep.path} tried {', '.join(chosen)}; add a block {kind.name} to "
            "sweep.yaml, or write the settings"
        )
    if sweep.facts["seed"] == job.config.seed:
        raise ValueError(
            f"{job.stage}: seed {job.config.seed}: {sweep.path} chose by the noise of this seed; take another"
        )
    settings = parse_value(kind.sampling_config, chosen[kind.name], f"{sweep.path / MANIFEST}: settings.{kind.name}")
    assert isinstance(settings, SamplingConfig)
    return settings


def check_settings(job: Job, kind: PriorKind, artifact: Artifact, settings: Iterable[SamplingConfig]) -> None:
    """Raises ValueError for settings that a published prior can't have."""
    for one in settings:
        for text in misfits(job.inputs["tokenizer"], kind, artifact, one):
            raise ValueError(f"{job.stage}: {text}")


def misfits(tokenizer: Artifact, kind: PriorKind, artifact: Artifact, settings: SamplingConfig) -> Iterator[str]:
    """Yields what of the settings doesn't fit a published prior and its tokenizer."""
    saved = describe_prior(artifact)
    yield from (f"{kind.name}.{text}" for text in settings.misfits_with(describe_tokenizer(tokenizer).quantizer))
    if isinstance(saved.space, TokenSpace):
        number = saved.network.num_sub_tokens(saved.space.num_books)
        yield from (f"{kind.name}.{text}" for text in settings.misfits(number))
    if settings.guidance.active:
        yield from guidance(kind.name, saved.label_dropout, len(artifact.facts["class_names"]))
