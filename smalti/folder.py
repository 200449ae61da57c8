"""What a folder holds: a published artefact, or what ``save`` wrote."""

from pathlib import Path

from torch import Tensor

from smalti.artifact import MANIFEST, Artifact
from smalti.config.prior_kinds import PRIOR_STAGES
from smalti.config.saved import SavedPrior, SavedTokenizer
from smalti.published import TOKENIZER_STAGES, describe_prior, describe_tokenizer, weights_file
from smalti.saving import CONFIG, read_saved, saved_weights
from smalti.tensors import read_tensors


def describe(folder: Path) -> SavedTokenizer | SavedPrior:
    """Returns what a folder says of the network in it.

    Raises:
        ValueError: it holds no tokenizer and no prior.
    """
    if (folder / CONFIG).is_file():
        return read_saved(folder)
    if not (folder / MANIFEST).is_file():
        raise ValueError(f"{folder}: no {MANIFEST} and no {CONFIG}; give a published result or a folder of save()")
    artifact = Artifact(folder)
    if artifact.stage in PRIOR_STAGES:
        return describe_prior(artifact)
    if artifact.stage in TOKENIZER_STAGES:
        return describe_tokenizer(artifact)
    wanted = ", ".join((*TOKENIZER_STAGES, *PRIOR_STAGES))
    raise ValueError(f"{folder}: a result of stage {artifact.stage}; give that of one of {wanted}")


def read_weights_of(folder: Path, saved: SavedTokenizer | SavedPrior) -> tuple[dict[str, Tensor], str]:
    """Returns the tensors of the network in a folder, and the name of their file.

    Raises:
        ValueError: the file isn't the one that was published or saved.
    """
    file = saved_weights(folder, saved) if (folder / CONFIG).is_file() else weights_file(Artifact(folder))
    return read_tensors(file), str(file)
