"""The artefact store: immutable results, private work folders, one writer.

``runs/artifacts/<stage>/<key>/`` is complete or absent. ``runs/work/<stage>/<key>/`` is resumable and private.
"""

import contextlib
import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from pipeline.work_folder import begun, clear, lock, no_access, take_back
from smalti.artifact import ARTIFACTS, MANIFEST, SCHEMA, Artifact, canonical, digest_of, seal, sha256_of


def make_key(identity: Mapping[str, object]) -> str:
    """Returns the key of a stage's result: 16 hex digits of the sha256 of what it is made from."""
    return hashlib.sha256(canonical({"schema": SCHEMA, **identity})).hexdigest()[:16]


def _not_finite(facts: object, name: str = "") -> Iterator[tuple[str, float]]:
    """Yields the numbers in nested facts that aren't finite, by their names."""
    if isinstance(facts, float) and not math.isfinite(facts):
        yield name, facts
    parts: Iterable[tuple[object, object]] = ()
    if isinstance(facts, Mapping):
        parts = facts.items()
    elif isinstance(facts, list | tuple):
        parts = enumerate(facts)
    for key, value in parts:
        yield from _not_finite(value, f"{name}.{key}".lstrip("."))


class Store:
    """The folder ``runs``."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def path(self, stage: str, key: str) -> Path:
        return self.root / ARTIFACTS / stage / key

    def work(self, stage: str, key: str) -> Path:
        return self.root / "work" / stage / key

    def find(self, stage: str, key: str) -> Artifact | None:
        """Returns the published artefact, its sizes checked, or None.

        Raises:
            ValueError: it is damaged, or this user can't look into it.
        """
        path = self.path(stage, key)
        try:
            if not (path / MANIFEST).exists():
                return None
        except PermissionError as error:
            raise no_access(path, "read", error) from error
        artifact = Artifact(path)
        artifact.check_sizes()
        return artifact

    def lock(self, stage: str, key: str) -> IO[str]:
        """Opens the work folder for this process alone, and undoes what a killed one left half done; keep the result
        until the end of the process.

        Raises:
            ValueError: another process holds it, or it can't be written.
        """
        file, target = lock(self.work(stage, key), stage), self.path(stage, key)
        place = next(folder for folder in target.parents if folder.exists())
        if not os.access(place, os.W_OK):  # said before hours of work
            raise no_access(place, "written", PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        replaced = target.parent / f".{key}.old"
        if replaced.is_dir() and not target.exists():  # killed between the two renames of a forced publication
            replaced.rename(target)
        for left_over in target.parent.glob(f".{key}.*"):
            shutil.rmtree(left_over)
        take_back(self.work(stage, key), target)
        return file

    def tidy(self, stage: str, key: str) -> None:
        """Clears what a kill right after a publication left of its work, unless somebody is at work there."""
        if begun(self.work(stage, key)):
            with contextlib.suppress(ValueError):  # held by another process, or read-only
                self.lock(stage, key).close()

    def publish(
        self,
        stage: str,
        key: str,
        *,
        files: Mapping[str, Path],
        records: Mapping[str, Path],
        identity: Mapping[str, object],
        facts: Mapping[str, object],
        made_by: Mapping[str, object],
    ) -> Artifact:
        """Publishes result ``files`` and ``records`` (name to path) with one rename; the manifest is written last.

        The digest covers result files only: records such as curves and reports, hashed too, may differ between equal
        results.
        Afterwards the work folder keeps its logs alone.

        Raises:
            ValueError: a fact isn't finite, or the disk is full or read-only; nothing is left behind.
        """
        for name, value in _not_finite(facts):
            raise ValueError(f"{stage}: fact {name}: {value}; nothing that isn't finite is published")
        target = self.path(stage, key)
        temporary = target.parent / f".{key}.{os.getpid()}"
        try:
            temporary.mkdir(parents=True)
            entries = {name: self._place(path, temporary / name) for name, path in sorted(files.items())}
            recorded = {name: self._place(path, temporary / name) for name, path in sorted(records.items())}
            manifest = {
                "schema": SCHEMA, "stage": stage, "key": key, "digest": digest_of(entries), **identity,
                "files": entries, "records": recorded, "facts": dict(facts), "made_by": dict(made_by),
            }  # fmt: skip
            with (temporary / MANIFEST).open("w") as file:
                json.dump({**manifest, "seal": seal(json.loads(json.dumps(manifest)))}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():  # a forced run replaces what it was told to
                target.rename(target.parent / f".{key}.old")
            temporary.rename(target)
            shutil.rmtree(target.parent / f".{key}.old", ignore_errors=True)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            reason = os.strerror(error.errno) if error.errno else str(error)
            remedy = "free some space" if error.errno == errno.ENOSPC else "mend it"
            raise ValueError(f"{target}: cannot publish ({reason}); {remedy} and run the same command again") from error
        with contextlib.suppress(OSError):  # NFS keeps what this process still maps; the next run tidies up
            clear(self.work(stage, key))
        return Artifact(target)

    def _place(self, source: Path, target: Path) -> dict[str, object]:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
                raise
            shutil.copyfile(source, target)
        with contextlib.suppress(PermissionError):
            target.chmod(0o444)
        with target.open("rb") as file:
            os.fsync(file.fileno())
        return {"sha256": sha256_of(target), "size": target.stat().st_size}
