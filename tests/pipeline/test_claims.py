"""Claims as data: what is run for one, what is shared, and what somebody who writes one wrong is told."""

from pathlib import Path

import pytest

from pipeline.claims import read_claims, read_lengths, seeds_of
from pipeline.claims_plan import plans, steps
from pipeline.graph import Recipe
from pipeline.known_recipes import CONFIGS
from pipeline.store import Store
from smalti.config.parsing import ConfigError

SMOKE = CONFIGS / "smoke"
CLAIM = """\
order: 2
claim: Alpha makes a difference.
printed: nowhere
recipe: smoke
shared:
  semantic: {tokenizer.perceptual.alpha: 1}
reference: a
figures:
  PSNR: {at: "scores:reconstruction.{decoder}.psnr", better: higher}
  loss: {at: "ar_prior:val_loss_nats"}
  drawn: {at: "scores:generation.{prior}/{decoder}.frechet"}
variants:
  a: {seeds: 2, decoder: phase2, prior: dit}
  b: {uses: [semantic], set: {tokenizer.training.updates: 10, ar_prior.label_dropout: 0.2}, seconds: {tokenizer: 50}}
  c: {set: {tokenizer.perceptual.alpha: 0}, only_full: true}
expected:
  - {figure: PSNR, larger: a, smaller: b}
  - {figure: loss, larger: c, smaller: b}
why: it doesn't matter
"""
LENGTHS = """\
seconds: {start: 1, data: 2, tokenizer: 30, decoder: 20, ar_prior: 10}
full:
  seeds: 3
  longer: 10
  set: {tokenizer.training.updates: 40, classifier.training.updates: 50}
"""


def write(folder: Path, text: str = CLAIM) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "trial.yaml").write_text(text)
    (folder / "lengths.yaml").write_text(LENGTHS)
    return folder


def test_runs_are_recipes_with_changes(tmp_path: Path) -> None:
    [claim] = read_claims(folder=write(tmp_path))
    assert [(run.variant, run.seed) for run in claim.runs] == [("a", 0), ("a", 1), ("b", 0)]
    first, second, b = claim.runs
    moved = {f"{dotted}={100_001 if dotted == 'sweep.seed' else 1}" for dotted in seeds_of(Recipe(SMOKE))}
    assert first.changes == () and {*second.changes} == moved
    assert b.changes == (
        "tokenizer.perceptual.alpha=1", "tokenizer.training.updates=10", "ar_prior.label_dropout=0.2",
    )  # fmt: skip
    assert b.recipe.nodes["tokenizer"].config.training.updates == 10
    assert b.stages == ("ar_prior", "scores") and [step.last for step in steps(b)] == ["scores"]
    assert claim.at("drawn", "a") == ("scores", "generation.dit/phase2.frechet")
    assert claim.at("drawn", "b") == ("scores", "generation.ar/phase1.frechet")


def test_every_seed_but_the_datas_is_varied() -> None:
    found = seeds_of(Recipe(SMOKE))
    trainings = [f"{stage}.training.seed" for stage, node in Recipe(SMOKE).nodes.items() if node.config.STAGE.trains]
    assert {*trainings, "codebook.seed", "sweep.seed", "samples.seed", "views.seed"} == {*found}
    assert seeds_of(Recipe(SMOKE), ["ar_prior", "latent_shards"]) == ["ar_prior.training.seed"]
    ema = Recipe(CONFIGS / "small" / "vqgan_ema")
    assert "tokenizer.quantizer.seed" in seeds_of(ema)
    moved = Recipe(CONFIGS / "small" / "vqgan_ema", [f"{dotted}=7" for dotted in seeds_of(ema)])
    assert moved.nodes["tokenizer"].config.quantizer.seed == moved.nodes["samples"].config.seed == 7
    assert moved.nodes["data"].config.seed == 0


def test_full_adds_variants_seeds_and_lengths(tmp_path: Path) -> None:
    [claim] = read_claims(folder=write(tmp_path), full=True)
    assert [(run.variant, run.seed) for run in claim.runs] == [(name, seed) for name in "abc" for seed in range(3)]
    assert {run.recipe.nodes["tokenizer"].config.training.updates for run in claim.runs} == {40}
    assert claim.runs[0].changes == ("tokenizer.training.updates=40", "classifier.training.updates=50")


def test_a_plan_counts_what_is_shared_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "claims")
    (folder / "again.yaml").write_text(CLAIM.replace("order: 2", "order: 3"))
    first, second = plans(read_claims(folder=folder), read_lengths(folder), Store(tmp_path / "runs"))
    stages = [
        stage for stage, node in Recipe(SMOKE).nodes.items() if node.config.STAGE.trains and stage != "classifier"
    ]
    assert (first.claim, first.trainings, first.shared) == ("trial", 3 * len(stages), 0)
    assert (second.claim, second.trainings, second.shared) == ("again", 3 * len(stages), 3 * len(stages))
    assert first.seconds == first.left == 3 * 1 + 2 + 2 * 30 + 50 + 3 * (20 + 10)
    assert second.seconds == second.left == 0
    [full] = plans(read_claims(["trial"], folder=folder, full=True), read_lengths(folder), Store(tmp_path / "runs"))
    assert full.seconds == 9 * 1 + 2 + 10 * (3 * 50 + 6 * 30 + 9 * (20 + 10))


def test_results_of_other_recipes_are_run_before() -> None:
    [claim] = read_claims(["codebook_parts"])
    [run] = [run for run in claim.runs if run.variant == "centres of flags"]
    first, second = steps(run)
    assert (first.recipe.folder.name, first.last) == ("lc_flags", "codebook")
    assert (second.recipe.folder.name, second.last) == ("lc_transfer", "scores")


WRONG = [
    ("reference: a", "reference: d", r"trial\.yaml: reference: unknown variant 'd'; known: a, b, c"),
    ("reference: a", "reference: b", r"reference 'b': give it 2 seeds at least"),
    ("uses: [semantic]", "uses: [semantik]", r"variants\.b\.uses: unknown name 'semantik'; did you mean 'semantic'\?"),
    ("figure: PSNR", "figure: psnr", r"expected\[0\]\.figure: unknown figure 'psnr'"),
    ("larger: c", "larger: d", r"expected\[1\]: unknown variant 'd'"),
    ('at: "ar_prior:val_loss_nats"', "at: val_loss", r"figures\.loss: at 'val_loss': expected STAGE:name\.name"),
    ("ar_prior:", "ar_priors:", r"variants\.b: .*smoke: unknown stage 'ar_priors'; did you mean 'ar_prior'\?"),
    ("recipe: smoke", "recipe: smok", r"recipe: unknown recipe 'smok'; did you mean 'smoke'\?"),
    ("tokenizer.training.updates: 10", "tokenizer: 10", r"variants\.b: 'tokenizer': expected stage\.key"),
    ("tokenizer.training.updates: 10", "tokenizer.training.update: 10", r"unknown key 'update'; did you mean"),
    ("seconds: {tokenizer", "seconds: {tokenise", r"variants\.b\.seconds: unknown stage 'tokenise'"),
    ("prior: dit", "prior: rit", r"variants\.a\.prior: 'rit' given, expected one of 'ar'"),
    ("why: it doesn't matter\n", "", r"trial\.yaml: why: missing; expected"),
    ("order: 2", "order: 2\nseeded: [priors]", r"trial\.yaml: seeded: unknown stage 'priors'"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[new for _, new, _ in WRONG])
def test_what_is_written_wrong_is_one_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in CLAIM
    with pytest.raises(ConfigError, match=said) as error:
        read_claims(folder=write(tmp_path, CLAIM.replace(old, new)))
    assert "\n" not in str(error.value)


def test_an_unknown_claim_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="command line: unknown claim 'trail'; did you mean 'trial'"):
        read_claims(["trail"], folder=write(tmp_path))
