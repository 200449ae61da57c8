"""From a published artefact to what a saved tokenizer or prior says of itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smalti.artifact import MANIFEST, Artifact
from smalti.config.autoencoders import AutoencoderConfig, DecoderAttentionConfig
from smalti.config.codebooks import QuantizerConfig
from smalti.config.features import FeatureNetworkConfig
from smalti.config.parsing import parse_value
from smalti.config.prior_kinds import PRIOR_STAGES, TokenSpace
from smalti.config.saved import Origin, SavedPrior, SavedTokenizer, Teacher

TOKENIZER_STAGES = ("tokenizer", "decoder")
LPIPS_VGG = ("LPIPS (VGG16)", "BSD-3-Clause (VGG16), BSD-2-Clause (LPIPS)")


def describe_tokenizer(artifact: Artifact) -> SavedTokenizer:
    """Returns what a result of stage tokenizer (phase 1) or decoder (phase 2) holds."""
    phase1 = artifact.stage == "tokenizer"
    trained = artifact.config if phase1 else artifact.facts["tokenizer"]
    attention = trained["attention"] if phase1 else artifact.config["attention"]
    source = str(artifact.path / MANIFEST)
    return SavedTokenizer(
        autoencoder=parse_value(AutoencoderConfig, trained["autoencoder"], f"{source}: autoencoder"),
        quantizer=parse_value(QuantizerConfig, trained["quantizer"], f"{source}: quantizer"),
        attention=parse_value(DecoderAttentionConfig | None, attention, f"{source}: attention"),
        image_size=artifact.facts["image_size"],
        num_codes=artifact.facts["num_codes"],
        tokens=artifact.digest if phase1 else artifact.facts["tokenizer_digest"],
        origin=origin_of(artifact),
    )


def describe_prior(artifact: Artifact) -> SavedPrior:
    """Returns what a result of a stage that trains a prior holds, with the sampler's settings of the newest samples
    that were drawn from it; where there are none, the sampler's defaults."""
    kind, facts = PRIOR_STAGES[artifact.stage], artifact.facts
    source = str(artifact.path / MANIFEST)
    return SavedPrior(
        prior=kind.name,
        network=parse_value(kind.network_config, artifact.config["network"], f"{source}: network"),
        settings=parse_value(kind.sampling_config, recipe_settings(artifact, kind.name), f"{source}: settings"),
        space=TokenSpace.of(facts),
        grid=tuple(facts["grid"]),
        class_names=tuple(facts["class_names"]),
        label_dropout=artifact.config["label_dropout"],
        tokens=facts["tokenizer_digest"],
        origin=origin_of(artifact),
    )


def recipe_settings(prior: Artifact, kind: str) -> Mapping[str, Any]:
    """Returns the block of samples.yaml by which the newest samples of a prior were drawn; {} if there are none."""
    folders = (folder for folder in (prior.path.parents[1] / "samples").glob("*") if (folder / MANIFEST).is_file())
    drawn = [
        samples
        for samples in map(Artifact, folders)
        if samples.manifest["inputs"].get(prior.stage, {}).get("key") == prior.key
    ]
    newest = max(drawn, key=lambda samples: samples.manifest["made_by"]["finished"], default=None)
    return newest.config[kind] if newest else {}


def weights_file(artifact: Artifact) -> Path:
    """Returns the verified file of an artefact's network; ValueError if it is damaged."""
    return artifact.verified_file(
        "tokenizer.safetensors" if artifact.stage in TOKENIZER_STAGES else "prior.safetensors"
    )


def origin_of(artifact: Artifact) -> Origin:
    """Returns where an artefact comes from."""
    made_by = artifact.manifest["made_by"]
    return Origin(
        stage=artifact.stage, key=artifact.key, digest=artifact.digest, finished=made_by.get("finished"),
        git=made_by.get("git"), teachers=teachers_of(artifact),
    )  # fmt: skip


def teachers_of(artifact: Artifact) -> tuple[Teacher, ...] | None:
    """Returns the pretrained networks behind an artefact, its own first; None where a parent is gone."""
    found = {(teacher.stage, teacher.sha256): teacher for teacher in _own_teachers(artifact)}
    parents = artifact.parents()
    if len(parents) < len(artifact.manifest["inputs"]):
        return None
    for parent in parents:
        above = teachers_of(parent)
        if above is None:
            return None
        found |= {(teacher.stage, teacher.sha256): teacher for teacher in above}
    return tuple(found.values())


def _own_teachers(artifact: Artifact) -> Iterator[Teacher]:
    digests = artifact.manifest["weights"]
    for block in _blocks_with_weights(artifact.config):
        name, licence = LPIPS_VGG
        if block.get("kind") not in (None, "lpips"):
            source = parse_value(FeatureNetworkConfig, block, f"{artifact.path / MANIFEST}: weights").source
            name, licence = source.name, source.licence
        yield Teacher(stage=artifact.stage, name=name, licence=licence, sha256=digests[block["weights"]])


def _blocks_with_weights(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if "weights" in value:
            yield value
        for part in value.values():
            yield from _blocks_with_weights(part)
    elif isinstance(value, list):
        for part in value:
            yield from _blocks_with_weights(part)
