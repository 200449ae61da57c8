"""One of the small recipes, shortened, from end to end: two books, a teacher, FAR on top; phase 2 on other books."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import RunStage

from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from smalti.codebooks import FactorisedCodebooks
from stages.results.published import load_tokenizer

SMALL = Path(__file__).resolve().parents[2] / "configs" / "small"
SHORT = [
    "data.max_images=420", "tokenizer.training.updates=6", "tokenizer.training.validate_every=3",
    "tokenizer.gan.discriminator_start=2", "tokenizer.gan.generator_start=3", "tokenizer.training.batch_size=8",
    "tokenizer.training.precision=32-true", "tokenizer.runtime.log_every=2", "ar_prior.training.updates=6",
    "ar_prior.training.validate_every=3",
    "ar_prior.training.precision=32-true", "samples.num_samples=36", "scores.reconstruction_tap=block0",
    "scores.generation_tap=block0", "scores.classifier_tap=block2",
]  # fmt: skip


def run(
    folder: Path, changes: list[str], runs: Path, run_stage: RunStage, unwanted: Sequence[str] = ()
) -> dict[str, Artifact]:
    recipe = Recipe(folder, changes)
    for stage in (name for name in recipe.nodes if name not in unwanted):
        run_stage(stage, folder, runs, *(word for text in changes for word in ("--set", text)))
    found = recipe.status(Store(runs))
    return {stage: status.artifact for stage, status in found.items() if status.artifact is not None}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of runs for this file: what a test has built, the next one finds."""
    return tmp_path_factory.mktemp("small")


def test_fqgan_runs_from_images_to_report(runs: Path, run_stage: RunStage) -> None:
    artefacts = run(SMALL / "fqgan_dual", SHORT, runs, run_stage)
    facts = artefacts["token_shards"].facts
    assert (facts["num_books"], facts["num_codes"], facts["num_tokens"]) == (2, 512, 64)
    assert {"train_usage/0", "train_usage/1", "train_usage"} <= facts.keys()
    tokens = np.load(artefacts["token_shards"].file("val/tokens-00000.npy"))
    assert tokens.shape[1:] == (2, 2, 64), "views, books, positions"

    tokenizer = load_tokenizer(artefacts["tokenizer"])
    assert isinstance(tokenizer.quantizer, FactorisedCodebooks) and tokenizer.quantizer.names == ("visual", "semantic")
    assert not any("predictor" in name for name, _ in tokenizer.named_parameters()), "heads stay behind"
    grid = torch.from_numpy(tokens[:2, 0].astype(np.int64)).unflatten(-1, (8, 8))
    assert tokenizer.decode(grid).shape == (2, 3, 64, 64)

    curves = artefacts["tokenizer"].file("curves.csv").read_text().splitlines()[0]
    assert "representation/efficientnet_lite0/1" in curves and "quantizer/disentangle" in curves
    assert artefacts["samples"].facts["decoders"] == ["phase1"]
    page = artefacts["report"].file("report.html").read_text()
    assert "book 0 alone" in page and "val, book 1" in page


def test_a_masked_prior_over_two_books(runs: Path, tmp_path: Path, run_stage: RunStage) -> None:
    """NAR on FQGAN's tokens: both books are masked token by token, sampled and decoded."""
    (tmp_path / "pipeline.yaml").write_text(
        f"base: {SMALL / 'fqgan_dual'}\nstages:\n  data:\n  tokenizer: {{data: data}}\n"
        "  token_shards: {data: data, tokenizer: tokenizer}\n"
        "  ar_prior: {token_shards: token_shards, tokenizer: tokenizer}\n"
        "  nar_prior: {token_shards: token_shards, tokenizer: tokenizer}\n"
        "  samples: {tokenizer: tokenizer, nar_prior: nar_prior}\n"
    )
    (tmp_path / "nar_prior.yaml").write_text(
        "network:\n  transformer: {kind: gpt, num_layers: 1, num_heads: 2, width: 32, mlp_width: 64, dropout: 0}\n"
        "training: {updates: 6, batch_size: 32, validate_every: 6}\noptimizer: {lr: 1e-3}\nlabel_dropout: 0.1\n"
        "runtime: {log_every: 2}\n"
    )
    changes = [text for text in SHORT if not text.startswith(("samples", "scores"))]
    artefacts = run(
        tmp_path, [*changes, "samples.num_samples=18", "samples.ar=null", "samples.nar={}"], runs, run_stage
    )
    assert artefacts["nar_prior"].facts["num_books"] == 2
    assert artefacts["nar_prior"].facts["val_loss_nats"] < 1.2 * artefacts["nar_prior"].facts["chance_nats"]
    images = np.load(artefacts["samples"].file("nar/images-00000.npy"))
    assert images.shape == (18, 1, 3, 64, 64) and images.std() > 0


@pytest.mark.parametrize(
    "method",
    ["fqgan_dual", *(pytest.param(name, marks=pytest.mark.slow) for name in ("rqvae", "lfq", "fsq", "vqgan_ema"))],
)
def test_phase_2_on_any_codebook(method: str, runs: Path, tmp_path: Path, run_stage: RunStage) -> None:
    """The decoder alone is trained, every token stays what it was, and the recipe's scores know both phases."""
    (tmp_path / "pipeline.yaml").write_text(
        f"base: {SMALL / method}\nstages:\n  data:\n  tokenizer: {{data: data}}\n"
        "  decoder: {data: data, tokenizer: tokenizer}\n"
        "  scores: {data: data, tokenizer: tokenizer, decoder: decoder}\n"
        "  token_shards: {data: data, tokenizer: tokenizer}\n"
        "  ar_prior: {token_shards: token_shards, tokenizer: tokenizer}\n"
    )
    phase1 = (SMALL / "vqgan" / "tokenizer.yaml").read_text()
    shared = [line for line in phase1.splitlines() if line.startswith(("optimizer", "discriminator_optimizer"))]
    perceptual = phase1[phase1.index("perceptual:") : phase1.index("gan:")]
    (tmp_path / "decoder.yaml").write_text(
        f"attention: {{block_sizes: [4, 4, 8, 8], head_dim: 16}}\n{perceptual}gan: {{loss: hinge, weight: 0.01}}\n"
        "training: {updates: 4, batch_size: 8, validate_every: 4}\n" + "\n".join(shared) + "\n"
    )
    changes = [text for text in SHORT if not text.startswith("samples")]
    artefacts = run(tmp_path, changes, runs, run_stage, unwanted=("token_shards", "ar_prior"))
    one, two = load_tokenizer(artefacts["tokenizer"]), load_tokenizer(artefacts["decoder"])
    images = torch.rand(8, 3, 64, 64) * 2 - 1
    assert torch.equal(one.encode(images), two.encode(images))
    assert not torch.allclose(one.decode(one.encode(images)), two.decode(one.encode(images)))
    assert artefacts["scores"].facts["reconstruction"].keys() >= {"phase1", "phase2"}


def test_a_head_of_the_wrong_kind_is_refused_before_anything_runs() -> None:
    with pytest.raises(ValueError, match="only head linear fits it"):
        Recipe(SMALL / "vqgan", ["ar_prior.network.head.kind=ar"])
