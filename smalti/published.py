"""From a published artefact to what a saved tokenizer or prior says of itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smalti.artifact import MANIFEST, Artifact
from smalti.config.features import FeatureNetworkConfig
from smalti.config.parsing import parse_value, plain
from smalti.config.prior_kinds import PRIOR_STAGES
from smalti.config.saved import FORMAT, Origin, SavedPrior, SavedTokenizer, Teacher, parse_saved

TOKENIZER_STAGES = ("tokenizer", "decoder")
LPIPS_BACKBONES = {"vgg": "VGG16", "alex": "AlexNet", "squeeze": "SqueezeNet 1.1"}  # of torchvision: BSD-3-Clause


def is_imported(artifact: Artifact) -> bool:
    """Returns whether a result is a released file of others, and not trained here."""
    return "imported" in artifact.facts


def describe_artifact(artifact: Artifact) -> SavedTokenizer | SavedPrior:
    """Returns what a result of a stage that trains a tokenizer or a prior holds.

    Raises:
        ValueError: a result of another stage, or a manifest that lacks something.
    """
    if artifact.stage not in (*TOKENIZER_STAGES, *PRIOR_STAGES):
        wanted = ", ".join((*TOKENIZER_STAGES, *PRIOR_STAGES))
        raise ValueError(f"{artifact.path}: a result of stage {artifact.stage}; give one of {wanted}")
    return describe_tokenizer(artifact) if artifact.stage in TOKENIZER_STAGES else describe_prior(artifact)


def describe_tokenizer(artifact: Artifact) -> SavedTokenizer:
    """Returns what a result of stage tokenizer (phase 1) or decoder (phase 2) holds."""
    source, phase1 = str(artifact.path / MANIFEST), artifact.stage == "tokenizer"
    try:
        facts = artifact.facts
        trained = artifact.config if phase1 and not is_imported(artifact) else facts["tokenizer"]
        said = {
            "kind": "tokenizer",
            "format": FORMAT,
            "autoencoder": trained["autoencoder"],
            "quantizer": trained["quantizer"],
            "attention": trained["attention"] if phase1 else artifact.config["attention"],
            "image_size": facts["image_size"],
            "num_codes": facts["num_codes"],
            "tokens": artifact.digest if phase1 else facts["tokenizer_digest"],
            "origin": plain(origin_of(artifact)),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{source}: not as stage {artifact.stage} writes it ({error}); run it again") from error
    saved = parse_saved(said, source)
    assert isinstance(saved, SavedTokenizer)
    return saved


def describe_prior(artifact: Artifact) -> SavedPrior:
    """Returns what a result of a stage that trains a prior holds. Its sampler's settings are those by which the newest
    samples of this prior were drawn; the sampler's defaults if there are none."""
    source, kind = str(artifact.path / MANIFEST), PRIOR_STAGES[artifact.stage]
    try:
        facts = artifact.facts
        trained = facts if is_imported(artifact) else artifact.config
        said = {
            "kind": "prior",
            "format": FORMAT,
            "prior": kind.name,
            "network": trained["network"],
            "settings": recipe_settings(artifact, kind.name),
            "space": plain(kind.space.of(facts)),
            "grid": facts["grid"],
            "class_names": facts["class_names"],
            "label_dropout": trained["label_dropout"],
            "tokens": facts["tokenizer_digest"],
            "origin": plain(origin_of(artifact)),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{source}: not as stage {artifact.stage} writes it ({error}); run it again") from error
    saved = parse_saved(said, source)
    assert isinstance(saved, SavedPrior)
    return saved


def recipe_settings(prior: Artifact, kind: str) -> Mapping[str, Any]:
    """Returns the settings by which the newest samples of a prior were drawn; {} if there are none.

    Guidance of a prior without classes changes nothing, and is left out, as the stage leaves it out.
    """
    drawn = []
    for folder in prior.beside("samples").glob("[!.]*"):  # a dot starts what is being published
        if (folder / MANIFEST).is_file():
            samples = Artifact(folder)
            if samples.manifest["inputs"].get(prior.stage, {}).get("key") == prior.key:
                drawn.append(samples)
    newest = max(drawn, key=lambda samples: samples.manifest["made_by"]["finished"], default=None)
    settings = dict(drawn_settings(newest, kind)) if newest else {}
    if not prior.facts["class_names"]:
        settings.pop("guidance", None)
    return settings


def drawn_settings(samples: Artifact, kind: str) -> Mapping[str, Any]:
    """Returns the settings by which published samples of a kind of prior were drawn, those too that stage sweep chose;
    samples from before there was a sweep have their settings in their config alone."""
    settings: Mapping[str, Any] = samples.facts.get("settings", samples.config)[kind]
    return settings


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
        git=made_by.get("git"), teachers=teachers_of(artifact), imported=dict(artifact.facts).get("imported"),
    )  # fmt: skip


def teachers_of(artifact: Artifact) -> tuple[Teacher, ...] | None:
    """Returns the pretrained networks behind an artefact, its own first; None if a parent is gone, or was imported from
    a file that doesn't name them."""
    if is_imported(artifact):
        return None
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
        if block.get("kind") in (None, "lpips"):
            backbone = LPIPS_BACKBONES[block.get("backbone", "vgg")]
            name, licence = f"LPIPS ({backbone})", f"BSD-3-Clause ({backbone}), BSD-2-Clause (LPIPS)"
        else:
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
