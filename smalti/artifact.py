"""A published result: a folder with a manifest that says what it holds and what it was made from."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

SCHEMA = 1
MANIFEST = "manifest.json"
ARTIFACTS = "artifacts"  # of a folder of runs: its results, by stage and key
# What the store writes into every manifest, whatever the stage. ``records`` was once a list of names, without hashes.
PARTS: dict[str, type | tuple[type, ...]] = {
    "stage": str, "key": str, "digest": str, "files": dict, "records": (dict, list), "facts": dict, "made_by": dict,
}  # fmt: skip

FILE_PARTS = {"sha256": str, "size": int}
INPUT_PARTS = {"stage": str, "key": str, "digest": str}


def sha256_of(path: Path) -> str:
    """Returns the sha256 of a file, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical(value: object) -> bytes:
    """Returns JSON with sorted keys and no spaces: the form that is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest_of(entries: Mapping[str, Mapping[str, object]]) -> str:
    """Returns the digest of result files, of which ``entries`` gives the sha256 by name."""
    return hashlib.sha256(canonical([[name, entry["sha256"]] for name, entry in entries.items()])).hexdigest()


def seal(manifest: Mapping[str, Any]) -> str:
    """Returns the sha256 of all that a manifest as read from JSON says, but for the seal itself."""
    said = {name: value for name, value in manifest.items() if name != "seal"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


class Facts(dict[str, Any]):
    """What a stage says of its result; a fact that isn't there is an error that names it and the ``file``."""

    def __init__(self, facts: Mapping[str, Any], file: Path) -> None:
        super().__init__(facts)
        self.file = file

    def __missing__(self, name: str) -> Any:
        raise ValueError(f"{self.file}: lacks the fact {name!r}; delete its folder and run the pipeline again")


def misshapen(manifest: Mapping[str, Any]) -> str:
    """Returns which part of a manifest isn't as the store writes it; "" if all are."""
    for name, kind in PARTS.items():
        if not isinstance(manifest.get(name), kind):
            return f"{name!r} is missing or of another type"
    files, records = manifest["files"], manifest["records"]
    for name in (*files, *records):
        if not isinstance(name, str) or not name or name.startswith("/") or ".." in name.split("/"):
            return f"{name!r} is no name of a file in the folder"
    for entry in (*files.values(), *(records.values() if isinstance(records, dict) else ())):
        if not _has(entry, FILE_PARTS):
            return f"{entry!r} has no sha256 and size"
    inputs = manifest.get("inputs", {})
    if not isinstance(inputs, dict):
        return "'inputs' is of another type"
    for entry in inputs.values():
        if not _has(entry, INPUT_PARTS):
            return f"{entry!r} has no stage, key and digest"
    return ""


def _has(entry: object, parts: Mapping[str, type]) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(name), kind) for name, kind in parts.items())


@dataclass(frozen=True)
class Artifact:
    """A published result."""

    path: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest; ValueError if it is damaged, of another schema, or of another result than the folder's name
        says."""
        file = self.path / MANIFEST
        try:
            manifest = json.loads(file.read_text())
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"{file}: not a readable manifest ({error}); {self._remedy()}") from error
        if not isinstance(manifest, dict):
            raise ValueError(f"{file}: not a manifest ({type(manifest).__name__}); {self._remedy()}")
        if manifest.get("schema") != SCHEMA:
            raise ValueError(f"{file}: schema {manifest.get('schema')}, this version reads {SCHEMA}; run again")
        if wrong := misshapen(manifest):
            raise ValueError(f"{file}: damaged ({wrong}); {self._remedy()}")
        if manifest.get("seal") != seal(manifest):
            raise ValueError(f"{file}: damaged (what it says isn't what was sealed); {self._remedy()}")
        place = self.path.absolute()
        if place.parent.parent.name == ARTIFACTS and (place.parent.name, place.name) != (
            manifest["stage"], manifest["key"],
        ):  # fmt: skip
            raise ValueError(
                f"{self.path}: holds {manifest['stage']} {manifest['key']}, so it was moved here; move it back to "
                f"{ARTIFACTS}/{manifest['stage']}/{manifest['key']}, or delete it and run the pipeline again"
            )
        return manifest

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """sha256 and size of each result file and record that was hashed, by name."""
        records = self.manifest["records"]
        return self.manifest["files"] | (records if isinstance(records, dict) else {})

    @property
    def stage(self) -> str:
        return self.manifest["stage"]

    @property
    def key(self) -> str:
        return self.manifest["key"]

    @property
    def digest(self) -> str:
        return self.manifest["digest"]

    @property
    def facts(self) -> Facts:
        return Facts(self.manifest["facts"], self.path / MANIFEST)

    @property
    def config(self) -> dict[str, Any]:
        return self.manifest["config"]

    def file(self, name: str) -> Path:
        """Returns the path of a result file or record that the manifest lists."""
        if name not in self.manifest["files"] and name not in self.manifest["records"]:
            raise ValueError(f"{self.path}: stage {self.stage} published no file {name!r}")
        return self.path / name

    def check_sizes(self) -> None:
        """Raises ValueError for a file or record that is missing or has another size."""
        for name, entry in self.entries.items():
            file = self.path / name
            if not file.is_file() or file.stat().st_size != entry["size"]:
                found = f"{file.stat().st_size} bytes" if file.is_file() else "missing"
                raise ValueError(f"{file}: damaged ({found}, expected {entry['size']} bytes); {self._remedy()}")

    def verify(self) -> None:
        """Raises ValueError for a file or record whose sha256 isn't the manifest's, a digest which isn't that of the
        files, or a file that wasn't published with them, such as a further shard."""
        self.check_sizes()
        if digest_of(self.manifest["files"]) != self.digest:
            raise ValueError(f"{self.path / MANIFEST}: damaged (digest isn't that of the files); {self._remedy()}")
        known = {MANIFEST, *self.manifest["files"], *self.manifest["records"]}
        for file in sorted(self.path.rglob("*")):
            name = str(file.relative_to(self.path))
            if file.is_file() and name not in known and not file.name.startswith("."):  # as NFS and file managers leave
                raise ValueError(f"{file}: wasn't published with {self.path.name}; take it out")
        for name in self.entries:
            self.verified_file(name)

    def verified_file(self, name: str) -> Path:
        """Returns the path of a result file or record; ValueError if its sha256 isn't the manifest's."""
        file = self.file(name)
        if sha256_of(file) != self.entries[name]["sha256"]:
            raise ValueError(f"{file}: damaged (sha256 differs from the manifest); {self._remedy()}")
        return file

    def parents(self) -> list["Artifact"]:
        """Returns the inputs that it was made from, as far as they lie beside it in the same folder of runs."""
        places = [self.beside(entry["stage"]) / entry["key"] for entry in self.manifest["inputs"].values()]
        return [Artifact(place) for place in places if (place / MANIFEST).is_file()]

    def beside(self, stage: str) -> Path:
        """Returns the folder of another stage's results in the same folder of runs."""
        return self.path.resolve().parent.parent / stage

    def _remedy(self) -> str:
        return f"delete {self.path} and run the pipeline again"
