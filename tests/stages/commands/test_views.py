"""``python -m pipeline views`` on published results."""

import base64
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import SMOKE
from PIL import Image

from pipeline.commands import parse
from smalti.artifact import Artifact
from stages.commands.views import main, size_section


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture of another size than the recipe's."""
    file = tmp_path / "photo.png"
    Image.radial_gradient("L").convert("RGB").resize((90, 70)).save(file)
    return file


@pytest.fixture
def phase1(tmp_path: Path) -> Path:
    """A recipe of smoke's results without decoder and priors, so that no stage has to run."""
    folder = tmp_path / "phase1"
    folder.mkdir()
    stages = "stages:\n  data:\n  codebook: {data: data}\n  tokenizer: {data: data, codebook: codebook}\n"
    (folder / "pipeline.yaml").write_text(f"base: {SMOKE}\n{stages}")
    return folder


def views(*words: str | Path) -> int:
    return main(parse(["views", *map(str, words)]))


def test_one_recipe_has_every_view_of_ones_own_image(
    smoke_runs: Path, smoke: dict[str, Artifact], photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    name = smoke["data"].facts["class_names"][2]
    assert views(SMOKE, "--runs", smoke_runs, "--html", page, "--images", photo, photo, "--labels", name, name) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{page}: 2 images, ")
    html = page.read_text()
    for title in ("What the AR prior expects", "Tokens replaced by near codes", "Codes on a plane", "Token viewer"):
        assert f'">{title}</h2>' in html
    assert "Reconstruction of image 1" in html and "Sample 1 of the AR prior" in html
    assert views(SMOKE, "--runs", smoke_runs, "--html", page, "--images", photo) == 0  # of no class


def test_several_tokenizers_stand_on_one_sheet(smoke_runs: Path, phase1: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert views(SMOKE, phase1, "--runs", smoke_runs, "--html", page) == 0
    html = page.read_text()
    for row in ("smoke: AR prior", "smoke: n = 8", "phase1: tokens as they are", "phase1: n = 8"):
        assert f"<span>{row}</span>" in html
    assert "phase1: AR prior" not in html and "Token viewer" not in html


def test_distances_stand_against_the_size_of_the_books(smoke: dict[str, Artifact]) -> None:
    other = {**smoke, "tokenizer": SimpleNamespace(facts={**smoke["tokenizer"].facts, "num_books": 2})}
    section = size_section(["one", "two"], [smoke, other])  # type: ignore[list-item]
    assert section
    [(_, [head, *rows])], [(_, picture)] = section.tables, section.pictures
    distance = json.loads(smoke["scores"].file("scores.json").read_text())["reconstruction"]["phase2"]["frechet"]
    assert head[2].startswith("fd_") and [row[0] for row in rows] == ["one", "two"]
    assert [row[2] for row in rows] == [f"{distance:.4g}"] * 2
    assert isinstance(picture, str)
    drawn = base64.b64decode(picture.partition(",")[2]).decode()
    assert "<!-- 1 book -->" in drawn and "<!-- 2 books -->" in drawn and "<!-- codes of a book -->" in drawn
    assert size_section(["one"], [smoke]) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--labels", "flags"], "--labels: val images have their own; give --images too"),
        (["--images", "PHOTO", "--labels", "flags", "flags"], "--labels: 2 for 1 images; give one for each"),
        (["--images", "PHOTO", "--labels", "flag"], "--labels: unknown class 'flag'; did you mean 'flags'?"),
        (["--images", "nothing.png"], "nothing.png: cannot be read (No such file or directory)"),
    ],
)
def test_wrong_words_are_one_line(smoke_runs: Path, photo: Path, words: list[str], said: str) -> None:
    chosen = [str(photo) if word == "PHOTO" else word for word in words]
    with pytest.raises(ValueError) as error:
        views(SMOKE, "--runs", smoke_runs, *chosen)
    assert str(error.value) == said


def test_a_recipe_that_has_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tokenizer isn't published; run: python -m pipeline run"):
        views(SMOKE, "--runs", tmp_path)
