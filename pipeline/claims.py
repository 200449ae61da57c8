"""The papers' claims, read from ``configs/claims``: which recipes with which changes are run to try them."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from configs.schema.claims import ClaimConfig, LengthsConfig, VariantConfig
from configs.schema.stages import STAGES
from configs.schema.sweep import SEED
from pipeline.config import Change, read_yaml
from pipeline.graph import Recipe
from pipeline.known_recipes import CONFIGS
from pipeline.paper_table import recipe_folder
from smalti.config.parsing import ConfigError, parse, unknown

CLAIMS = CONFIGS / "claims"
LENGTHS = "lengths.yaml"


@dataclass(frozen=True)
class Run:
    """One training, or chain of trainings, of a variant: a recipe, its changes as ``--set`` takes them, and the stages
    whose facts hold the claim's figures, in order."""

    variant: str
    seed: int
    folder: Path
    changes: tuple[str, ...]
    stages: tuple[str, ...]

    @cached_property
    def recipe(self) -> Recipe:
        return Recipe(self.folder, self.changes)


@dataclass(frozen=True)
class Claim:
    """A claim with what is run for it; ``full`` adds the variants and seeds of FULL=1."""

    name: str
    config: ClaimConfig
    full: bool
    runs: tuple[Run, ...]

    @property
    def variants(self) -> dict[str, VariantConfig]:
        """The variants that are run."""
        there = {run.variant for run in self.runs}
        return {name: variant for name, variant in self.config.variants.items() if name in there}

    def at(self, figure: str, variant: str) -> tuple[str, str]:
        """Returns the stage and the dotted path of a figure of a variant."""
        stage, _, path = self.config.figures[figure].at.partition(":")
        said = self.config.variants[variant]
        return stage, path.replace("{decoder}", said.decoder).replace("{prior}", said.prior)


def read_lengths(folder: Path = CLAIMS) -> LengthsConfig:
    """Returns what ``lengths.yaml`` says."""
    return parse(LengthsConfig, read_yaml(folder / LENGTHS), str(folder / LENGTHS), {})


def read_claims(names: Sequence[str] = (), *, full: bool = False, folder: Path = CLAIMS) -> list[Claim]:
    """Returns the claims of those names, all if there are none, in their order.

    Raises:
        ConfigError: an unknown name, or something in a file that can't be right, in one line with the file.
    """
    files = {file.stem: file for file in sorted(folder.glob("*.yaml")) if file.name != LENGTHS}
    for name in names:
        if name not in files:
            raise ConfigError(f"command line: {unknown('claim', name, list(files))}")
    lengths = read_lengths(folder)
    claims = [read_claim(files[name], lengths, full=full) for name in names or files]
    return sorted(claims, key=lambda claim: (claim.config.order, claim.name))


def read_claim(file: Path, lengths: LengthsConfig, *, full: bool) -> Claim:
    """Returns the claim that a file states, its recipes read and checked."""
    config = parse(ClaimConfig, read_yaml(file), str(file), {})
    runs: list[Run] = []
    for name, variant in config.variants.items():
        if not variant.only_full or full:
            runs += _runs(name, variant, config, lengths, file, full)
    return Claim(file.stem, config, full, tuple(runs))


def _runs(
    name: str, variant: VariantConfig, config: ClaimConfig, lengths: LengthsConfig, file: Path, full: bool
) -> Iterator[Run]:
    where = f"{file}: variants.{name}"
    folder = recipe_folder(variant.recipe or config.recipe, file, where)
    written = [item for use in variant.uses for item in config.shared[use].items()] + list(variant.set.items())
    changes = [Change.of(dotted, value, folder, where) for dotted, value in written]
    if full:
        stages = Recipe(folder).nodes
        longer = [Change.of(dotted, value, folder, where) for dotted, value in lengths.full.set.items()]
        changes += [change for change in longer if change.stage in stages]
    texts = tuple(f"{change.stage}.{change.key}={json.dumps(change.value)}" for change in changes)
    recipe = Recipe(folder, texts)
    wanted = {figure.at.partition(":")[0] for figure in config.figures.values()}
    compared = {
        config.figures[item.figure].at.partition(":")[0]
        for item in config.expected
        if name in (item.larger, item.smaller)
    }
    for stage in sorted(compared - recipe.nodes.keys()):
        raise ConfigError(f"{where}: {folder}: {unknown('stage', stage, list(recipe.nodes))}; a figure stands there")
    for stage in variant.seconds:
        if stage not in recipe.nodes:
            raise ConfigError(f"{where}.seconds: {unknown('stage', stage, list(recipe.nodes))}")
    for stage in config.seeded:
        if stage not in STAGES:
            raise ConfigError(f"{file}: seeded: {unknown('stage', stage, list(STAGES))}")
    dotted_seeds = seeds_of(recipe, config.seeded)
    number = max(config.seeds_of(name), lengths.full.seeds if full else 1)
    for seed in range(number):
        seeded = (*texts, *seed_changes(dotted_seeds, seed)) if seed else texts
        yield Run(name, seed, folder, seeded, tuple(stage for stage in recipe.nodes if stage in wanted))


def seeds_of(recipe: Recipe, stages: Sequence[str] = ()) -> list[str]:
    """Returns ``stage.key`` of every seed in these stages of a recipe; without any, in all but data, whose split stays
    as it is."""
    chosen = [stage for stage in recipe.nodes if (stage in stages if stages else stage != "data")]
    return [f"{stage}.{key}" for stage in chosen for key in _seeds(recipe.nodes[stage].config, "")]


def seed_changes(dotted: Sequence[str], seed: int) -> Iterator[str]:
    """Yields the changes that set these seeds; that of stage sweep stays as far from the others as by default: it must
    not choose by the noise of the samples."""
    for name in dotted:
        yield f"{name}={seed + SEED if name == 'sweep.seed' else seed}"


def _seeds(config: Any, key: str) -> Iterator[str]:
    for field in dataclasses.fields(config):
        here, value = f"{key}.{field.name}".lstrip("."), getattr(config, field.name)
        if field.name == "seed":
            yield here
        elif dataclasses.is_dataclass(value):
            yield from _seeds(value, here)
