"""Saved networks on the Hugging Face hub: a repository holds what a saved folder does."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from smalti.saving import CARD, CONFIG, MODEL, read_saved, saved_weights

FILES = [CONFIG, MODEL, CARD]
NAME = re.compile(r"[\w.-]+/[\w.-]+")


def find_folder(name: str | Path, revision: str | None = None) -> Path:
    """Returns a folder: ``name`` itself, or where a repository OWNER/NAME of the hub lies in the local cache.

    What isn't there yet is fetched; without a network, or with HF_HUB_OFFLINE=1, what was fetched before is found.

    Args:
        revision: branch, tag or commit of the repository; a commit pins every byte, and config.json the weights.

    Raises:
        ValueError: neither a folder nor a repository, or one that can't be had.
    """
    if Path(name).is_dir():
        if revision is not None:
            raise ValueError(f"revision {revision!r}: {name} is a folder, which has none; leave it out")
        return Path(name)
    if not NAME.fullmatch(str(name)):
        raise ValueError(f"{name}: no such folder, and no OWNER/NAME of the hub")
    return fetched(str(name), revision, FILES, f"{name}: no such folder, and")


def fetched(
    name: str, revision: str | None, files: Sequence[str], failed: str, kind: Literal["model", "dataset"] = "model"
) -> Path:
    """Returns the folder in the local cache that holds ``files`` of a repository, given by patterns.

    Raises:
        ValueError: it can't be had; its text begins with ``failed``.
    """
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(snapshot_download(name, repo_type=kind, revision=revision, allow_patterns=list(files)))
    except (errors.LocalEntryNotFoundError, errors.IncompleteSnapshotError) as error:
        raise ValueError(
            f"{failed} the hub can't be reached, and it was never fetched whole; check the network, or bring "
            "the files here"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ValueError(f"{failed} the hub's repository has no revision {revision!r}") from error
    except errors.GatedRepoError as error:
        raise ValueError(f"{failed} the hub wants your consent; give it there, and log in: hf auth login") from error
    except errors.RepositoryNotFoundError as error:
        raise ValueError(f"{failed} the hub has no such {kind}, or not for you") from error
    except errors.HfHubHTTPError as error:
        raise ValueError(f"{failed} the hub answers {' '.join(str(error).split())}") from error


def push(folder: Path, name: str, private: bool = False, revision: str | None = None) -> str:
    """Puts a saved folder into a repository of the hub, which is made if it isn't there; returns the commit.

    Raises:
        ValueError: no saved folder, damaged weights, or the hub refuses.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name}: OWNER/NAME is needed")
    saved_weights(folder, read_saved(folder))
    from huggingface_hub import HfApi, errors

    hub = HfApi()
    try:
        hub.create_repo(name, private=private, exist_ok=True)
        made = hub.upload_folder(
            repo_id=name,
            folder_path=folder,
            allow_patterns=FILES,
            revision=revision,
            commit_message="Add a network of smalti",
        )
    except (errors.HfHubHTTPError, errors.LocalTokenNotFoundError) as error:
        raise ValueError(f"{name}: the hub refuses ({' '.join(str(error).split())}); log in: hf auth login") from error
    except (errors.HTTPError, errors.OfflineModeIsEnabled) as error:  # type: ignore[attr-defined]  # its client's own
        raise ValueError(f"{name}: the hub can't be reached ({' '.join(str(error).split())})") from error
    return str(made.oid)
