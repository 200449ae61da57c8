"""The pretrained networks behind a result: its own, and those of everything it was made from."""

from collections.abc import Iterator

from pipeline.job import Job
from pipeline.store import Store
from smalti.artifact import Artifact


def pretrained_weights(artifact: Artifact, store: Store) -> Iterator[tuple[str, str, str]]:
    """Yields (stage, weights, sha256) of every pretrained network behind an artefact, its own first.

    Raises:
        ValueError: an ancestor is no longer in the store, so that its networks are unknown.
    """
    for weights, digest in artifact.manifest["weights"].items():
        yield artifact.stage, weights, digest
    for entry in artifact.manifest["inputs"].values():
        parent = store.find(entry["stage"], entry["key"])
        if parent is None:  # an artefact of other runs has its parents there
            parent = Artifact(artifact.path.parents[1] / entry["stage"] / entry["key"])
            if not parent.path.is_dir():
                raise ValueError(f"{artifact.path}: its input {entry['stage']} {entry['key']} is gone; run it again")
        yield from pretrained_weights(parent, store)


def teachers(job: Job) -> dict[str, tuple[str, str]]:
    """Returns {sha256: (stage, weights)} of every pretrained network behind the tokenizer and the decoder."""
    artifacts = [job.inputs[name] for name in ("tokenizer", "decoder") if name in job.inputs]
    return {sha256: (stage, weights) for a in artifacts for stage, weights, sha256 in pretrained_weights(a, job.store)}


def lpips_teachers(job: Job) -> set[str]:
    """Returns the sha256 of the backbones of which an LPIPS was a loss of the tokenizer or the decoder."""
    found = set()
    for artifact in (job.inputs[name] for name in ("tokenizer", "decoder") if name in job.inputs):
        loss = artifact.config.get("perceptual", {})
        if loss.get("kind") == "lpips":
            found.add(artifact.manifest["weights"][loss["weights"]])
    return found


def check_judge(judge: str, job: Job) -> None:
    """Raises ValueError if the tokenizer or its codebook was trained with the judge's weights."""
    if teacher := teachers(job).get(job.identity["weights"][job.config.judge.weights]):
        stage, weights = teacher
        raise ValueError(
            f"judge {judge}: stage {stage} was trained with the same network ({weights}); "
            f"a teacher can't be the judge, name another network in {job.stage}.yaml"
        )
