"""What an artefact was made from, all the way up."""

from collections.abc import Iterator

from pipeline.artifact import Artifact, Store


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
