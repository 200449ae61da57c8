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
# What the store writes into every manifest, whatever the stage.
PARTS = {
    "stage": str, "key": str, "digest": str, "files": dict, "records": list, "facts": dict, "made_by": dict,
}  # fmt: skip


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


@dataclass(frozen=True)
class Artifact:
    """A published result."""

    path: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest; ValueError if it is damaged or of another schema. Older ones carry no seal."""
        file = self.path / MANIFEST
        try:
            manifest = json.loads(file.read_text())
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"{file}: not a readable manifest ({error}); {self._remedy()}") from error
        if not isinstance(manifest, dict):
            raise ValueError(f"{file}: not a manifest ({type(manifest).__name__}); {self._remedy()}")
        if manifest.get("schema") != SCHEMA:
            raise ValueError(f"{file}: schema {manifest.get('schema')}, this version reads {SCHEMA}; run again")
        for name, kind in PARTS.items():
            if not isinstance(manifest.get(name), kind):
                raise ValueError(f"{file}: damaged ({name!r} is missing or of another type); {self._remedy()}")
        if "seal" in manifest and manifest["seal"] != seal(manifest):
            raise ValueError(f"{file}: damaged (what it says isn't what was sealed); {self._remedy()}")
        return manifest

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
    def facts(self) -> dict[str, Any]:
        return self.manifest["facts"]

    @property
    def config(self) -> dict[str, Any]:
        return self.manifest["config"]

    def file(self, name: str) -> Path:
        """Returns the path of a result file or record that the manifest lists."""
        if name not in self.manifest["files"] and name not in self.manifest["records"]:
            raise ValueError(f"{self.path}: stage {self.stage} published no file {name!r}")
        return self.path / name

    def check_sizes(self) -> None:
        """Raises ValueError for a file that is missing or has another size."""
        for name, entry in self.manifest["files"].items():
            file = self.path / name
            if not file.is_file() or file.stat().st_size != entry["size"]:
                found = f"{file.stat().st_size} bytes" if file.is_file() else "missing"
                raise ValueError(f"{file}: damaged ({found}, expected {entry['size']} bytes); {self._remedy()}")

    def verify(self) -> None:
        """Raises ValueError for a file whose sha256 isn't the manifest's, or a digest which isn't that of the files."""
        self.check_sizes()
        if digest_of(self.manifest["files"]) != self.digest:
            raise ValueError(f"{self.path / MANIFEST}: damaged (digest isn't that of the files); {self._remedy()}")
        for name in self.manifest["files"]:
            self.verified_file(name)

    def verified_file(self, name: str) -> Path:
        """Returns the path of a result file; ValueError if its sha256 isn't the manifest's."""
        file = self.file(name)
        if sha256_of(file) != self.manifest["files"][name]["sha256"]:
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
