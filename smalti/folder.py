"""What a folder holds: a published artefact, or what ``save`` wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from torch import nn

from smalti.artifact import MANIFEST, Artifact
from smalti.building import build_outline, build_unfilled
from smalti.config.saved import SavedPrior, SavedTokenizer
from smalti.published import describe_artifact, weights_file
from smalti.saving import CONFIG, read_saved, saved_weights
from smalti.tensors import check_tensors, read_tensors

Net = TypeVar("Net", bound=nn.Module)


def describe(folder: Path) -> SavedTokenizer | SavedPrior:
    """Returns what a folder says of the network in it.

    Raises:
        ValueError: it holds no tokenizer and no prior, or says of it what can't be.
    """
    if (folder / CONFIG).is_file():
        return read_saved(folder)
    if (folder / MANIFEST).is_file():
        return describe_artifact(Artifact(folder))
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; give a published result, or a folder that save() wrote")
    raise ValueError(f"{folder}: no {MANIFEST} and no {CONFIG}; give a published result or a folder that save() wrote")


def load_network(folder: Path, saved: SavedTokenizer | SavedPrior, build: Callable[[], Net]) -> Net:
    """Returns the network that ``build`` makes, filled with the weights in ``folder``; the random state stays as it is.

    The network is built without memory first: what ``saved`` says may have been edited to a size beyond any machine.

    Raises:
        ValueError: the weights aren't those that were published or saved, or are those of another network.
    """
    file = saved_weights(folder, saved) if (folder / CONFIG).is_file() else weights_file(Artifact(folder))
    state = read_tensors(file)
    try:
        outline = build_outline(build)
    except (ValueError, RuntimeError, TypeError, ArithmeticError, LookupError, AssertionError) as error:
        raise ValueError(f"{folder}: no network can be built from what it says ({error})") from error
    check_tensors(outline, state, str(file))
    network = build_unfilled(build)
    network.load_state_dict(state)
    return network
