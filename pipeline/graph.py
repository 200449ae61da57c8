"""A recipe's stages, in order, and how far each of them is."""

import graphlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from configs.schema.contradictions import contradictions
from configs.schema.data import DataConfig
from configs.schema.imported import ImportedConfig
from configs.schema.stages import STAGES
from pipeline.imports import check_unchanged, declaration, imported_config, inputs_of, is_import
from pipeline.known_recipes import nearest
from pipeline.listing import hash_listing
from pipeline.rows import from_anywhere, is_row
from pipeline.store import Store, make_key
from pipeline.weights_ledger import hash_weights
from pipeline.work_folder import begun
from pipeline.written import WrittenRecipe, read_recipe
from smalti.artifact import MANIFEST, Artifact
from smalti.config.parsing import ConfigError, parse, plain, short, unknown
from smalti.config.weights import weights_of

State = Literal["published", "resumable", "ready", "waits", "blocked"]


@dataclass(frozen=True)
class Node:
    """One stage of a recipe: its parsed config, the file it came from, and what its inputs refer to."""

    stage: str
    config: Any
    file: Path
    inputs: Mapping[str, str]

    @property
    def script(self) -> str:
        """Its script in ``stages/``: the stage's own, or the one that imports a file in its place."""
        return self.config.STAGE.name if isinstance(self.config, ImportedConfig) else self.stage


@dataclass(frozen=True)
class Status:
    """How far a stage is. ``key`` is None while an input is missing; ``reason`` says what it waits for."""

    node: Node
    state: State
    reason: str = ""
    key: str | None = None
    artifact: Artifact | None = None
    inputs: Mapping[str, Artifact] | None = None
    identity: Mapping[str, Any] | None = None


def other_ancestor(inputs: Mapping[str, Artifact]) -> str:
    """Returns which of the inputs of one stage was made from another result than stands beside it, in words; "" if all
    belong together.

    A tokenizer may come from other images than those that it is used on.
    """
    for name, artifact in inputs.items():
        for below, entry in artifact.manifest.get("inputs", {}).items():
            beside = inputs.get(below)
            if beside is None or (below == "data" and name != "scores") or entry["digest"] == beside.digest:
                continue
            return (
                f"{name} {artifact.path} was made from {below} {entry['key']}, not from {beside.path}; name results "
                f"that belong together, or build {name} again"
            )
    return ""


class Recipe:
    """A folder with ``pipeline.yaml`` and one YAML a stage.

    ``base: FOLDER`` in pipeline.yaml takes the stages and the YAMLs that the folder doesn't have from another recipe;
    ``set:`` lists ``stage.key=value`` changes to them, as the command line's ``--set`` does. ``offline: true`` forbids
    ``make weights``, the one command that fetches anything for a recipe, for machines where files are brought by hand.
    """

    def __init__(self, folder: Path, overrides: Sequence[str] = ()) -> None:
        """Reads and checks everything that can be checked before anything runs.

        Args:
            folder: the recipe, its pipeline.yaml, or ``row:PAPER/TABLE/ROW`` of ``configs/rows``.
            overrides: ``stage.key=value``, which beat the files.
        """
        if folder.name == "pipeline.yaml":
            folder = folder.parent
        self.folder, self.file = folder, folder / "pipeline.yaml"
        if not is_row(folder) and not self.file.is_file():
            raise ConfigError(f"{folder}: no recipe (it has no pipeline.yaml); {nearest(folder)}")
        written = read_recipe(folder, overrides)
        self.offline = written.offline
        self.nodes = {stage: self._node(stage, written) for stage in self._order(written.stages)}
        configs, given = ({s: getattr(node, name) for s, node in self.nodes.items()} for name in ("config", "inputs"))
        for stage, text in contradictions(configs, given):
            raise ConfigError(f"{self.nodes[stage].file}: {text}")

    @property
    def own(self) -> dict[str, Node]:
        """The stages whose results are made here, and not imported from a file."""
        return {stage: node for stage, node in self.nodes.items() if not isinstance(node.config, ImportedConfig)}

    def _node(self, stage: str, written: WrittenRecipe) -> Node:
        given = written.stages[stage]
        inputs = {
            name: _absolute(reference, written.stages, written.author) for name, reference in inputs_of(given).items()
        }
        if is_import(given):
            check_unchanged(stage, written.changes.get(stage, ()), written.author)
            config = imported_config(stage, given, self.file, written.author)
            return Node(stage, config, self.folder / f"{stage}.yaml", inputs)
        document = written.document(stage)
        source = f"{self.folder}: {document.file}" if is_row(self.folder) else str(document.file)
        config = parse(STAGES[stage], document.data, source, document.folders)
        return Node(stage, config, self.folder / f"{stage}.yaml", inputs)

    def _order(self, stages: Mapping[str, Any]) -> list[str]:
        """Checks names and inputs; returns the stages, each after its inputs."""
        graph: dict[str, list[str]] = {}
        for stage, inputs in stages.items():
            if stage not in STAGES:
                raise ConfigError(f"{self.file}: {unknown('stage', str(stage), list(STAGES))}")
            if inputs is not None and not isinstance(inputs, dict):
                raise ConfigError(f"{self.file}: {stage}: {short(inputs)} given, expected 'input: stage' lines")
            said, given = declaration(stage, inputs, self.file), inputs_of(inputs)
            known = sorted(said.needs + said.takes)
            for name in given:
                if name not in known:
                    raise ConfigError(f"{self.file}: {stage}: {unknown('input', name, known)}")
            if missing := sorted(set(said.needs) - given.keys()):
                raise ConfigError(f"{self.file}: {stage}: input {missing[0]!r} is missing")
            if wrong := [reference for reference in given.values() if not isinstance(reference, str)]:
                raise ConfigError(
                    f"{self.file}: {stage}: {short(wrong[0])} given, expected a stage, recipe:stage or a path"
                )
            graph[stage] = [reference for reference in given.values() if reference in stages]
            for name, reference in given.items():
                if reference not in stages and ":" not in reference and "/" not in reference:
                    raise ConfigError(f"{self.file}: {stage}.{name}: {unknown('stage', reference, list(stages))}")
                if reference in stages or ":" in reference:
                    self._check_kind(stage, name, reference.rpartition(":")[2])
        try:
            return list(graphlib.TopologicalSorter(graph).static_order())
        except graphlib.CycleError as error:
            raise ConfigError(f"{self.file}: stages wait for each other: {' -> '.join(error.args[1])}") from error

    def _check_kind(self, stage: str, name: str, found: str) -> None:
        """Raises ConfigError unless input ``name`` of a stage may be a result of stage ``found``."""
        wanted = stage if name == "init_from" else name
        if found != wanted:
            raise ConfigError(f"{self.file}: {stage}.{name}: a result of stage {found} given, expected one of {wanted}")

    def status(self, store: Store) -> dict[str, Status]:
        """Returns the state of every stage, in order."""
        found: dict[str, Status] = {}
        for stage, node in self.nodes.items():
            found[stage] = self._status(node, store, found)
        return found

    def _status(self, node: Node, store: Store, before: Mapping[str, Status]) -> Status:
        inputs: dict[str, Artifact] = {}
        for name, reference in node.inputs.items():
            artifact, reason = self._resolve(reference, store, before)
            if artifact is None:
                return Status(node, "waits", reason)
            self._check_kind(node.stage, name, artifact.stage)
            inputs[name] = artifact
        if mismatch := other_ancestor(inputs):
            return Status(node, "blocked", mismatch)
        try:
            weights = {name: hash_weights(name, store.root / "weights.json") for name in weights_of(node.config)}
            listing = hash_listing(node.config.source) if isinstance(node.config, DataConfig) else None
        except ValueError as error:
            return Status(node, "blocked", str(error))
        digests = {name: {"stage": a.stage, "digest": a.digest} for name, a in inputs.items()}
        hashed = {
            "stage": node.stage, "version": node.config.STAGE.version, "config": plain(node.config, hashed=True),
            "inputs": digests, "weights": list(weights.values()), "listing": listing,
        }  # fmt: skip
        key = make_key(hashed)
        identity = {
            "version": node.config.STAGE.version, "config": plain(node.config), "listing": listing, "weights": weights,
            "inputs": {name: {"stage": a.stage, "key": a.key, "digest": a.digest} for name, a in inputs.items()},
        }  # fmt: skip
        artifact = store.find(node.stage, key)
        resumable = begun(store.work(node.stage, key))
        state: State = "published" if artifact else "resumable" if resumable else "ready"
        return Status(node, state, "", key, artifact, inputs, identity)

    def _resolve(self, reference: str, store: Store, before: Mapping[str, Status]) -> tuple[Artifact | None, str]:
        """Returns the artefact behind a stage of this recipe, ``recipe:stage``, or an artefact path."""
        if reference in before:
            status = before[reference]
            return status.artifact, f"waits for {reference}"
        if ":" in reference:
            folder, _, stage = reference.rpartition(":")
            other = Recipe(Path(folder))
            if stage not in other.nodes:
                raise ConfigError(f"{self.file}: {reference!r}: {unknown('stage', stage, list(other.nodes))}")
            return other.status(store)[stage].artifact, f"waits for 'pipeline run {other.folder} --until {stage}'"
        path = Path(reference)
        if not (path / MANIFEST).is_file():
            return None, f"waits for {path}, which holds no manifest.json"
        return Artifact(path), ""


def _absolute(reference: str, stages: Mapping[str, Any], folder: Path) -> str:
    """Returns a stage of this recipe as it is, ``recipe:stage`` or a path as seen from the ``folder`` that names it."""
    if reference in stages:
        return reference
    place, colon, stage = reference.rpartition(":")
    if is_row(Path(place)):
        return f"{from_anywhere(Path(place), folder)}:{stage}"
    return f"{(folder / place).resolve()}:{stage}" if colon else str((folder / reference).resolve())
