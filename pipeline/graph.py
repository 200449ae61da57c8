"""A recipe's stages, in order, and how far each of them is."""

import graphlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from configs.contradictions import contradictions
from configs.stages import INPUTS, STAGES, DataConfig
from pipeline.artifact import MANIFEST, Artifact, Store, make_key
from pipeline.config import ConfigError, override, parse, plain, read_yaml, unknown, weights_of
from pipeline.listing import hash_listing
from pipeline.weights import hash_weights

KEYS = ["stages", "base", "set", "offline"]  # of pipeline.yaml
State = Literal["published", "resumable", "ready", "waits", "blocked"]


@dataclass(frozen=True)
class Node:
    """One stage of a recipe: its parsed config, the file it came from, and what its inputs refer to."""

    stage: str
    config: Any
    file: Path
    inputs: Mapping[str, str]


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


class Recipe:
    """A folder with ``pipeline.yaml`` and one YAML a stage.

    ``base: FOLDER`` in pipeline.yaml takes the stages and the YAMLs that the folder doesn't have from another recipe;
    ``set:`` lists ``stage.key=value`` changes to them, as the command line's ``--set`` does. ``offline: true`` forbids
    ``make weights``, the one command that fetches anything, for machines where files are brought by hand.
    """

    def __init__(self, folder: Path, overrides: Sequence[str] = ()) -> None:
        """Reads and checks everything that can be checked before anything runs.

        Args:
            folder: the recipe.
            overrides: ``stage.key=value``, which beat the files.
        """
        self.folder, self.file = folder, folder / "pipeline.yaml"
        if not self.file.is_file():
            raise ConfigError(f"{folder}: no recipe (it has no pipeline.yaml); the default is configs/quickstart")
        chain = self._chain(folder)
        stages = next((data["stages"] for _, data in chain if "stages" in data), None)
        if not isinstance(stages, dict) or not stages:
            raise ConfigError(f"{self.file}: stages: missing; expected one entry a stage")
        self.offline = next((data["offline"] for _, data in chain if "offline" in data), False)
        inherited = [text for _, data in reversed(chain) for text in data.get("set", [])]
        changes = self._changes([*inherited, *overrides], list(stages))
        self.nodes: dict[str, Node] = {}
        for stage in self._order(stages):
            places = [place / f"{stage}.yaml" for place, _ in chain]
            file = next((place for place in places if place.is_file()), places[0])
            data = read_yaml(file)
            for dotted, value in changes.get(stage, []):
                override(data, dotted, value)
            schema: type[Any] = STAGES[stage]
            config = parse(schema, data, str(file), file.parent)
            self.nodes[stage] = Node(stage, config, folder / f"{stage}.yaml", stages[stage] or {})
        configs, inputs = ({s: getattr(node, name) for s, node in self.nodes.items()} for name in ("config", "inputs"))
        for stage, text in contradictions(configs, inputs):
            raise ConfigError(f"{self.nodes[stage].file}: {text}")

    def _chain(self, folder: Path) -> list[tuple[Path, dict[str, Any]]]:
        """Returns (folder, pipeline.yaml) of the recipe, of its base, and so on."""
        chain: list[tuple[Path, dict[str, Any]]] = []
        while True:
            file = folder / "pipeline.yaml"
            data = read_yaml(file)
            for key in data:
                if key not in KEYS:
                    raise ConfigError(f"{file}: {unknown('key', str(key), KEYS)}")
            if not isinstance(data.get("offline", False), bool):
                raise ConfigError(f"{file}: offline: {data['offline']!r} given, expected true or false")
            if not isinstance(data.get("set", []), list):
                raise ConfigError(f"{file}: set: {data['set']!r} given, expected a list of stage.key=value")
            if folder.resolve() in [place.resolve() for place, _ in chain]:
                raise ConfigError(f"{file}: base: {folder} is its own base")
            chain.append((folder, data))
            if "base" not in data:
                return chain
            folder = folder / str(data["base"])

    def _changes(self, overrides: Sequence[str], stages: list[str]) -> dict[str, list[tuple[str, str]]]:
        changes: dict[str, list[tuple[str, str]]] = {}
        for text in overrides:
            dotted, equals, value = text.partition("=")
            stage, dot, key = dotted.partition(".")
            if not equals or not dot:
                raise ConfigError(f"command line: {text!r}: expected stage.key=value")
            if stage not in stages:
                raise ConfigError(f"command line: {text!r}: {unknown('stage', stage, stages)}")
            changes.setdefault(stage, []).append((key, value))
        return changes

    def _order(self, stages: Mapping[str, Any]) -> list[str]:
        """Checks names and inputs; returns the stages, each after its inputs."""
        graph: dict[str, list[str]] = {}
        for stage, inputs in stages.items():
            if stage not in STAGES:
                raise ConfigError(f"{self.file}: {unknown('stage', str(stage), list(STAGES))}")
            if inputs is not None and not isinstance(inputs, dict):
                raise ConfigError(f"{self.file}: {stage}: {inputs!r} given, expected 'input: stage' lines")
            needed, allowed = INPUTS[stage]
            given = inputs or {}
            for name in given:
                if name not in needed | allowed:
                    raise ConfigError(f"{self.file}: {stage}: {unknown('input', name, sorted(needed | allowed))}")
            if missing := sorted(needed - given.keys()):
                raise ConfigError(f"{self.file}: {stage}: input {missing[0]!r} is missing")
            graph[stage] = [reference for reference in given.values() if reference in stages]
            for name, reference in given.items():
                if reference not in stages and ":" not in reference and "/" not in reference:
                    raise ConfigError(f"{self.file}: {stage}.{name}: {unknown('stage', reference, list(stages))}")
        try:
            return list(graphlib.TopologicalSorter(graph).static_order())
        except graphlib.CycleError as error:
            raise ConfigError(f"{self.file}: stages wait for each other: {' -> '.join(error.args[1])}") from error

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
            inputs[name] = artifact
        try:
            weights = {name: hash_weights(name, store.root / "weights.json") for name in weights_of(node.config)}
            listing = hash_listing(node.config.source) if isinstance(node.config, DataConfig) else None
        except ValueError as error:
            return Status(node, "blocked", str(error))
        digests = {name: {"stage": a.stage, "digest": a.digest} for name, a in inputs.items()}
        hashed = {
            "stage": node.stage, "version": node.config.VERSION, "config": plain(node.config, hashed=True),
            "inputs": digests, "weights": list(weights.values()), "listing": listing,
        }  # fmt: skip
        key = make_key(hashed)
        identity = {
            "version": node.config.VERSION, "config": plain(node.config), "listing": listing, "weights": weights,
            "inputs": {name: {"stage": a.stage, "key": a.key, "digest": a.digest} for name, a in inputs.items()},
        }  # fmt: skip
        artifact = store.find(node.stage, key)
        work = store.work(node.stage, key)
        left = {item.name for item in work.iterdir()} if artifact is None and work.is_dir() else set()
        begun = bool(left - {"lock", "tensorboard"})
        state: State = "published" if artifact else "resumable" if begun else "ready"
        return Status(node, state, "", key, artifact, inputs, identity)

    def _resolve(self, reference: str, store: Store, before: Mapping[str, Status]) -> tuple[Artifact | None, str]:
        """Returns the artefact behind a stage of this recipe, ``recipe:stage``, or an artefact path."""
        if reference in before:
            status = before[reference]
            return status.artifact, f"waits for {reference}"
        if ":" in reference:
            folder, _, stage = reference.rpartition(":")
            other = Recipe((self.folder / folder).resolve())
            if stage not in other.nodes:
                raise ConfigError(f"{self.file}: {reference!r}: {unknown('stage', stage, list(other.nodes))}")
            return other.status(store)[stage].artifact, f"waits for {stage} of {other.folder}"
        path = (self.folder / reference).resolve()
        if not (path / MANIFEST).is_file():
            return None, f"waits for {path}, which holds no manifest.json"
        return Artifact(path), ""
