"""``row:PAPER/TABLE/ROW`` in a recipe's place: found by name, planned, run, submitted."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROJECT

from configs.schema.protocols import PROTOCOLS
from pipeline.commands import parse
from pipeline.graph import Recipe
from pipeline.job import find_work, parse_arguments
from pipeline.rows import find_row, find_rows
from pipeline.slurm import job_script
from pipeline.store import Store
from smalti.config.parsing import ConfigError
from stages.commands import params

SMOKE = PROJECT / "configs" / "smoke"
TABLE = """\
caption: of the smoke recipe
each: {recipe: smoke, books: 1, codes: 64, positions: 64, expected: {rFID: 1}}
rows:
  a half: {set: {data.val_fraction: 0.5}}
  wrong type: {set: {tokenizer.training.updates: many}}
  wrong stage: {set: {tokenizr.training.updates: 3}}
  too deep: {set: {data.image_size.pixels: 3}}
  pictures: {set: {data.source: {kind: class_folders, root: pictures}}}
"""
HALF = ["data.val_fraction=0.5"]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with a table of two of its own, in a folder from which it is ``./own``."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "1.yaml").write_text(TABLE)
    return tmp_path / "own"


def pipeline(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def configs(recipe: Recipe) -> dict[str, object]:
    return {stage: (node.config, node.inputs) for stage, node in recipe.nodes.items()}


def test_names_are_taken_in_any_case() -> None:
    assert find_row(Path("row:vqgan-LC/6/RANDOM initialisation")).name == "random initialisation"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("row:VQGAN-LC/6/random selection", "unknown row 'random selection'; did you mean 'random selection, ViT-L'?"),
        ("row:VQGAN-LC/9/x", "row:VQGAN-LC/9/x: unknown row 'x'; known: 'without projector', 'tuned codebook'"),
        ("row:VQGAN-LC/9", "row:VQGAN-LC/9: names no row; known: 'without projector', 'tuned codebook'"),
        ("row:VQGAN-LC/60/x", "unknown table '60'; did you mean '6'?"),
        ("row:FQGAN", "row:FQGAN: names no table; known: '1', '2', '3', '4'"),
        ("row:VQGAN-CL/9/x", "unknown paper 'VQGAN-CL'; did you mean 'VQGAN-LC'?"),
        ("row:", "names no paper; known: 'FQGAN', 'SeQ-GAN', 'VQGAN-LC'"),
        ("row:./absent/1/x", "row:./absent/1/x: absent: no such folder of tables"),
    ],
)
def test_unknown_names_are_told_the_nearest_or_all(name: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Recipe(Path(name))
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_a_row_is_its_recipe_with_its_changes() -> None:
    row = find_row(Path("row:FQGAN/2/LlamaGen-XL"))
    by_hand = Recipe(PROJECT / "configs" / "imagenet256" / "fqgan_dual", row.plain()["set"])
    assert configs(Recipe(Path("row:FQGAN/2/LlamaGen-XL"))) == configs(by_hand)
    assert by_hand.nodes["ar_prior"].config.network.transformer.num_layers == 36
    assert by_hand.nodes["samples"].config.ar.guidance.scale == (1.75,)
    assert by_hand.nodes["tokenizer"].config.quantizer.num_codes == 16384


def test_command_line_beats_the_row(own: Path) -> None:
    recipe = Recipe(Path(f"row:{own}/1/a half"), ["data.val_fraction=0.25"])
    assert recipe.nodes["data"].config.val_fraction == 0.25


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("wrong type", "/wrong type: {smoke}/tokenizer.yaml: training.updates: 'many' given, expected a whole number"),
        ("wrong stage", "/1.yaml: wrong stage: tokenizr.training.updates: unknown stage 'tokenizr'; did you mean"),
        ("too deep", "/1.yaml: too deep: data.image_size.pixels: 'image_size' holds the value 64, not keys"),
    ],
)
def test_a_wrong_change_names_its_row(row: str, expected: str, own: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Recipe(Path(f"row:{own}/1/{row}"))
    assert expected.format(smoke=SMOKE) in str(caught.value) and "command line" not in str(caught.value)


def test_paths_of_a_row_start_from_its_recipe(own: Path) -> None:
    row = Path(f"row:{own}/1/pictures")
    assert Recipe(row).nodes["data"].config.source.root == str(SMOKE / "pictures")
    assert Recipe(row, ["data.source.root=others"]).nodes["data"].config.source.root == str(SMOKE / "others")


def test_a_recipe_may_be_based_on_a_row_and_read_its_results(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are named from the recipe's folder, wherever the command is started."""
    for name, text in {
        "derived": "base: row:../own/1/a half\nset: [data.seed=7]\n",
        "reader": "stages:\n  codebook: {data: 'row:../own/1/a half:data'}\n",
        "circle": "base: row:../own/1/round\n",
    }.items():
        (own.parent / name).mkdir()
        (own.parent / name / "pipeline.yaml").write_text(text)
    (own.parent / "reader" / "codebook.yaml").write_text((SMOKE / "codebook.yaml").read_text())
    data = Recipe(own.parent / "derived").nodes["data"].config
    assert (data.val_fraction, data.seed) == (0.5, 7)
    reference = Recipe(own.parent / "reader").nodes["codebook"].inputs["data"]
    assert reference.endswith("/own/1/a half:data")
    monkeypatch.chdir("/")
    assert Recipe(Path(reference.rpartition(":")[0])).nodes["data"].config.val_fraction == 0.5
    with (own / "1.yaml").open("a") as stream:
        stream.write("  round: {recipe: ../circle}\n")
    with pytest.raises(ConfigError, match="is its own base"):
        Recipe(own.parent / "circle")


def test_run_shares_results_with_the_same_changes_by_hand(own: Path) -> None:
    done = pipeline(own.parent, "run", "row:./own/1/A half", "--until", "data")
    assert done.returncode == 0, done.stderr
    store = Store(own.parent / "runs")
    assert Recipe(SMOKE, HALF).status(store)["data"].state == "published"
    assert Recipe(SMOKE).status(store)["data"].state == "ready"
    planned = pipeline(own.parent, "plan", "row:./own/1/a half")
    assert planned.stdout.splitlines()[0].split()[:2] == ["data", "published"]
    waiting = pipeline(own.parent, "run", "row:./own/1/a half", "--only", "tokenizer")
    assert waiting.returncode == 1 and "waits for codebook" in waiting.stderr


def test_job_scripts_name_the_row_from_anywhere(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own.parent)
    recipe, store = Recipe(Path("row:./own/1/a half")), Store(own.parent / "runs")
    lines = job_script(recipe.nodes["data"], recipe, store, ["data.seed=7"], True, []).splitlines()
    monkeypatch.chdir("/")
    started = shlex.split(next(line for line in lines if line.startswith("srun ")))
    found = find_work("data", parse_arguments("data", started[started.index("--config") :]))
    assert found and found[0].key == Recipe(SMOKE, [*HALF, "data.seed=7"]).status(store)["data"].key
    checked = shlex.split(lines[-1])
    assert Recipe(Path(checked[checked.index("check") + 1])).nodes["data"].config.val_fraction == 0.5
    paper = Recipe(Path("row:VQGAN-LC/6/k-means, ViT-B"))
    text = job_script(paper.nodes["codebook"], paper, store, [], True, [])
    assert "--config 'row:VQGAN-LC/6/k-means, ViT-B/codebook.yaml'" in text


def test_scripts_of_commands_take_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert params.main(parse(["params", "row:VQGAN-LC/10/dimension 16", "--json"])) == 0
    found = json.loads(capsys.readouterr().out)
    folder = PROJECT / "configs" / "imagenet256" / "vqgan_lc"
    assert found == params.parameter_counts(Recipe(folder, ["tokenizer.autoencoder.latent_dim=16"]))
    assert found != params.parameter_counts(Recipe(folder))


def test_rows_are_listed(own: Path) -> None:
    lines = pipeline(own.parent, "rows", "vqgan-lc/4").stdout.splitlines()
    figures = [("fc", 17.3, 11.2), ("ema", 16.3, 83.1), ("lc", 15.4, 97)]
    assert [" ".join(line.split()) for line in lines[:3]] == [
        f"VQGAN-LC 4 GPT on vqgan_{kind} imagenet256/vqgan_{kind} FID {fid} (clean_fid_train), generated usage {usage} "
        "(usage_generated)"
        for kind, fid, usage in figures
    ]
    lines = [line for line in lines if line.startswith(("clean", "usage"))]
    assert [line.split(": ")[0] for line in lines] == ["clean_fid_train", "usage_generated"], "each protocol once"
    assert lines[0] == "clean_fid_train: " + PROTOCOLS["clean_fid_train"].how
    *_, luma, similarity, _, usage = pipeline(own.parent, "rows", "VQGAN-LC/9").stdout.splitlines()
    assert luma.startswith("psnr_y: PSNR of the Y") and luma.endswith("; here reconstruction/PHASE/psnr_y")
    assert similarity.startswith("ssim_percent: ") and usage.endswith("; here reconstruction/val_codebook/usage")
    listed = json.loads(pipeline(own.parent, "rows", "--json").stdout)
    assert len(listed) == len(find_rows("")) > 100
    tables = list(dict.fromkeys(row["table"] for row in listed if row["paper"] == "VQGAN-LC"))
    assert tables[-3:] == ["9", "10", "figure-1b"]
    for names in ("./own", "./own/1"):
        lines = pipeline(own.parent, "rows", names).stdout.splitlines()
        assert [line.split()[:2] for line in lines] == [["./own", "1"]] * 5
    wrong = pipeline(own.parent, "rows", "SeQGAN")
    assert wrong.returncode == 1 and "unknown paper 'SeQGAN'; did you mean 'SeQ-GAN'?" in wrong.stderr
