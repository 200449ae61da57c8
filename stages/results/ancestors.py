"""What an artefact was made from, all the way up."""

from collections.abc import Iterator

from pipeline.job import Job
from pipeline.store import Store
from smalti.artifact import Artifact


def weights_seen(artifact: Artifact, store: Store) -> Iterator[tuple[str, str, str]]:
    """Yields (stage, weights, sha256) of every pretrained network behind an artefact, its own first.

    Raises:
        ValueError: an ancestor isn't in the store any more, so that nobody can tell.
    """
    for weights, digest in artifact.manifest["weights"].items():
        yield artifact.stage, weights, digest
    for parent in artifact.manifest["inputs"].values():
        found = store.find(parent["stage"], parent["key"])
        if found is None:
            beside = Artifact(artifact.path.parents[1] / parent["stage"] / parent["key"])
            if not beside.path.is_dir():
                raise ValueError(f"{artifact.path}: its input {parent['stage']} {parent['key']} is gone; run it again")
            found = beside
        yield from weights_seen(found, store)


def teachers(job: Job) -> dict[str, tuple[str, str]]:
    """Returns {sha256: (stage, weights)} of every pretrained network behind what is scored."""
    artifacts = [job.inputs[name] for name in ("tokenizer", "decoder") if name in job.inputs]
    return {digest: (stage, weights) for a in artifacts for stage, weights, digest in weights_seen(a, job.store)}


def check_judge(judge: str, job: Job) -> None:
    """Raises ValueError if the judge's weights occur in a loss or in the codebook of the same run."""
    if found := teachers(job).get(job.identity["weights"][job.config.judge.weights]):
        raise ValueError(
            f"judge {judge}: stage {found[0]} was trained with the same network ({found[1]}); "
            "a teacher can't be the judge, name another network in scores.yaml"
        )
