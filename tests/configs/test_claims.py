"""configs/claims: every claim's recipes parse and agree, its figures are there, and all fit into the time that they may
take."""

from pathlib import Path

import pytest

from configs.schema.contradictions import indivisible, num_codes
from pipeline.claims import CLAIMS, LENGTHS, Run, read_claims, read_lengths
from pipeline.claims_plan import plans, steps
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from stages.results.claim_outcome import value_at

DEFAULT, FULL = read_claims(), read_claims(full=True)
RUNS = [(claim.name, run) for claim in FULL for run in claim.runs if not run.seed]
MINUTES = 90


def test_the_claims_of_the_three_papers_are_there() -> None:
    assert [claim.name for claim in DEFAULT] == [
        "alpha", "decoder", "usage", "layers", "codebook_size", "codebook_parts", "factorised", "heads", "priors",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "run"), RUNS, ids=[f"{name}: {run.variant}" for name, run in RUNS])
def test_variant_runs_on_small_machines(name: str, run: Run) -> None:
    """Recipe() has refused what contradicts itself; here is what this machine and the time ask for."""
    for step in steps(run):
        configs = {stage: node.config for stage, node in step.recipe.nodes.items()}
        assert not list(indivisible(configs))
        assert all(c.training.precision == "32-true" for c in configs.values() if hasattr(c, "training"))
        if "tokenizer" in configs:
            codes = num_codes(configs["tokenizer"], configs.get("codebook"))
            assert codes is None or codes <= 4096
        assert step.last in step.recipe.nodes


@pytest.mark.parametrize("claim", FULL, ids=lambda claim: claim.name)
def test_figures_stand_where_the_claim_says(claim, smoke: dict[str, Artifact]) -> None:
    for variant in claim.variants:
        for figure in claim.config.figures:
            stage, path = claim.at(figure, variant)
            assert value_at(smoke[stage].facts, path) is not None, f"{claim.name}: {variant}: {figure}"


def test_the_default_fits_into_an_hour_and_a_half(tmp_path: Path) -> None:
    found = plans(DEFAULT, read_lengths(), Store(tmp_path))
    assert sum(plan.seconds for plan in found) / 60 < MINUTES
    assert sum(plan.shared for plan in found) >= 20, "baselines are trained once for all claims"


def test_claims_of_one_data_set_share_its_split() -> None:
    """Seeds move everything but the images that are val."""
    for claim in FULL:
        for run in claim.runs:
            assert run.recipe.nodes["data"].config == Recipe(CLAIMS / "seqgan").nodes["data"].config


def test_nothing_is_written_for_nobody() -> None:
    """Every recipe below configs/claims serves a claim, and every shared change a variant."""
    used: set[Path] = set()
    for claim in FULL:
        named = {name for variant in claim.config.variants.values() for name in variant.uses}
        assert named == claim.config.shared.keys(), claim.name
        used |= {step.recipe.folder.resolve() for run in claim.runs for step in steps(run)}
    bases = {CLAIMS / "tokenizer", CLAIMS / "seqgan"}
    assert {file.parent for file in CLAIMS.glob("*/pipeline.yaml")} == used | bases
    assert {file.stem for file in CLAIMS.glob("*.yaml") if file.name != LENGTHS} == {claim.name for claim in FULL}
