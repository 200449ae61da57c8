"""What the claims train before anything is trained: which results they share, and about how long they take."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.schema.claims import LengthsConfig
from configs.schema.stages import STAGES
from pipeline.claims import Claim, Run
from pipeline.graph import Recipe
from pipeline.stages_until import stages_until
from pipeline.store import Store
from smalti.artifact import canonical
from smalti.config.parsing import plain

TRAINS = [stage for stage, config in STAGES.items() if config.STAGE.trains]


def identities(recipe: Recipe) -> dict[str, str]:
    """Returns what tells the result of each stage from others before its inputs are made: equal results have equal
    ones."""
    found: dict[str, str] = {}
    for stage, node in recipe.nodes.items():
        inputs = {name: found.get(reference) or _elsewhere(reference) for name, reference in node.inputs.items()}
        said = {"stage": stage, "config": plain(node.config, hashed=True), "inputs": inputs}
        found[stage] = hashlib.sha256(canonical(said)).hexdigest()
    return found


def _elsewhere(reference: str) -> str:
    folder, colon, stage = reference.rpartition(":")
    return identities(Recipe(Path(folder)))[stage] if colon else reference


@dataclass(frozen=True)
class Step:
    """The command ``run RECIPE --until LAST``, with ``changes`` as ``--set`` takes them."""

    recipe: Recipe
    changes: tuple[str, ...]
    last: str

    @property
    def stages(self) -> list[str]:
        """The stages that are run, in order."""
        return stages_until(self.recipe, self.last)


def steps(run: Run) -> Iterator[Step]:
    """Yields what is run, in order: first other recipes whose results are taken."""
    for stage in dict.fromkeys(stage for last in run.stages for stage in stages_until(run.recipe, last)):
        for reference in run.recipe.nodes[stage].inputs.values():
            folder, colon, other = reference.rpartition(":")
            if colon:
                yield Step(Recipe(Path(folder)), (), other)
    covered: set[str] = set()
    for stage in reversed(run.stages):
        if stage not in covered:
            covered |= {*stages_until(run.recipe, stage)}
            yield Step(run.recipe, run.changes, stage)


@dataclass(frozen=True)
class Plan:
    """What a claim takes. ``shared`` trainings are those of claims before it; ``seconds`` and ``left`` are estimates of
    its own ones, of all and of those that aren't published."""

    claim: str
    trainings: int
    shared: int
    seconds: float
    left: float


def plans(claims: Sequence[Claim], lengths: LengthsConfig, store: Store) -> list[Plan]:
    """Returns what each claim takes, in order."""
    made: set[str] = set()
    found = []
    for claim in claims:
        trainings, shared, seconds, left = set[str](), set[str](), 0.0, 0.0
        before = set(made)
        for run in claim.runs:
            for step in steps(run):
                names, status, stages = identities(step.recipe), step.recipe.status(store), step.stages
                own = claim.config.seconds | claim.config.variants[run.variant].seconds
                fresh = [stage for stage in stages if names[stage] not in made]
                longer = {stage: lengths.full.longer if claim.full and stage in TRAINS else 1.0 for stage in fresh}
                estimates = {stage: own.get(stage, lengths.seconds.get(stage, 0.0)) * longer[stage] for stage in fresh}
                waiting = [stage for stage in fresh if status[stage].artifact is None]
                start = lengths.seconds.get("start", 0.0)
                seconds += sum(estimates.values()) + (start if fresh else 0.0)
                left += sum(estimates[stage] for stage in waiting) + (start if waiting else 0.0)
                trainings |= {names[stage] for stage in stages if stage in TRAINS}
                shared |= {names[stage] for stage in stages if stage in TRAINS and names[stage] in before}
                made |= {names[stage] for stage in stages}
        found.append(Plan(claim.name, len(trainings), len(shared), seconds, left))
    return found
