"""What the published trainings of a claim say: its figures by variant and seed, and the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from configs.schema.claims import ExpectationConfig
from pipeline.claims import Claim
from pipeline.claims_plan import steps
from pipeline.store import Store
from smalti.artifact import Artifact
from stages.results.claim_verdict import (
    Difference,
    Spread,
    Verdict,
    difference_of,
    joint_verdict,
    paired_difference,
    spread_of,
    verdict_of,
)

Values = Mapping[str, Mapping[str, Mapping[int, float]]]  # by variant, figure and seed


@dataclass(frozen=True)
class Compared:
    """An expectation, the difference that was found (None: a figure is absent), and the verdict."""

    expected: ExpectationConfig
    difference: Difference | None
    verdict: Verdict


@dataclass(frozen=True)
class Outcome:
    """The figures of a claim as far as they are published; of each result behind them the ``seconds`` that it took, by
    its path, and the ``commits`` that made them."""

    claim: Claim
    values: Values
    seconds: Mapping[str, float]
    commits: frozenset[str]

    def spread(self, variant: str, figure: str) -> Spread | None:
        """Returns mean and spread of a figure of a variant; None if it is absent."""
        values = list(self.values[variant][figure].values())
        return spread_of(values) if values else None

    @property
    def begun(self) -> bool:
        """Whether any figure is there."""
        return any(by_seed for figures in self.values.values() for by_seed in figures.values())

    @cached_property
    def compared(self) -> list[Compared]:
        """The comparisons of the variants that are run."""
        there = self.claim.variants
        items = [item for item in self.claim.config.expected if {item.larger, item.smaller} <= there.keys()]
        return [self._compared(item) for item in items]

    def _compared(self, item: ExpectationConfig) -> Compared:
        larger, smaller = (self.values[variant][item.figure] for variant in (item.larger, item.smaller))
        difference = None
        both = sorted(larger.keys() & smaller.keys())
        if item.paired and len(both) > 1:
            difference = paired_difference([larger[seed] for seed in both], [smaller[seed] for seed in both])
        elif larger and smaller:
            reference = self.spread(self.claim.config.reference, item.figure)
            known = reference.deviation if reference else None
            difference = difference_of([*larger.values()], [*smaller.values()], known)
        return Compared(item, difference, verdict_of(difference, item.margin))

    @property
    def verdict(self) -> Verdict:
        """The verdict on the claim."""
        return joint_verdict([compared.verdict for compared in self.compared])


def outcome_of(claim: Claim, store: Store) -> Outcome:
    """Returns what is published of a claim; what isn't is absent, and so is what a stage couldn't measure."""
    values: dict[str, dict[str, dict[int, float]]] = {
        variant: {figure: {} for figure in claim.config.figures} for variant in claim.variants
    }
    behind: dict[str, Artifact] = {}
    for run in claim.runs:
        found = run.recipe.status(store)
        for figure in claim.config.figures:
            stage, path = claim.at(figure, run.variant)
            artifact = found[stage].artifact if stage in found else None
            value = value_at(artifact.facts, path) if artifact else None
            if value is not None:
                values[run.variant][figure][run.seed] = value
        for step in steps(run):
            status = found if step.recipe is run.recipe else step.recipe.status(store)
            behind |= {str(a.path): a for stage in step.stages if (a := status[stage].artifact)}
    made_by = {path: artifact.manifest["made_by"] for path, artifact in behind.items()}
    commits = frozenset(commit_of(each) for each in made_by.values())
    return Outcome(claim, values, {path: each["seconds"] for path, each in made_by.items()}, commits)


def commit_of(made_by: Mapping[str, Any]) -> str:
    """Returns the commit that made a result, cut short, and whether there were changes.

    >>> commit_of({"git": "a94f7754727dad9efa6e", "dirty": True}), commit_of({"git": None, "dirty": None})
    ('a94f7754727d with changes', 'unknown')
    """
    return f"{(made_by['git'] or 'unknown')[:12]}{' with changes' if made_by['dirty'] else ''}"


def value_at(facts: Mapping[str, Any], path: str) -> float | None:
    """Returns the number at a dotted path; None if there is none.

    >>> value_at({"ar/phase1": {"frechet": 5}, "val": {}}, "ar/phase1.frechet"), value_at({"val": {}}, "val.plain")
    (5.0, None)
    """
    found: Any = facts
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None
