"""``smalti encode``: files and folders to one .npz."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests_support import write_images

from smalti import Tokenizer
from smalti.commands import main


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three images in two sub-folders, and a file that is none."""
    write_images(tmp_path / "images", {"cats": 2, "dogs/big": 1})
    (tmp_path / "images" / "notes.txt").write_text("no image")
    Image.new("L", (80, 70), 200).save(tmp_path / "single.JPG", "JPEG")
    return tmp_path / "images"


def test_files_and_folders(
    published: dict[str, Path], tokenizer: Tokenizer, images: Path, tmp_path: Path, run: Callable[..., str]
) -> None:
    """Names are relative to the folder that was given; rows are in their order, whatever the batch."""
    out, single = tmp_path / "new" / "tokens.npz", tmp_path / "single.JPG"
    said = run("encode", published["decoder"], images, single, "--out", out, "--batch-size", 3)
    assert said == f"{out}: tokens of 4 images\n" and [file.name for file in out.parent.iterdir()] == ["tokens.npz"]
    with np.load(out) as arrays:
        names, tokens = arrays["names"].tolist(), arrays["tokens"]
    assert names == ["cats/000.png", "cats/001.png", "dogs/big/000.png", "single.JPG"]
    assert tokens.dtype == np.uint16 and tokens.shape == (4, 8, 8)
    for name, row in zip(names, tokens, strict=True):
        file = single if name == "single.JPG" else images / name
        assert np.array_equal(tokenizer.encode(tokenizer.read(file))[0].numpy(), row)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nowhere", "--out", "x.npz"], "nowhere: no such file or folder"),
        (["empty", "--out", "x.npz"], "empty: holds no images (.bmp, .gif"),
        (
            ["images/notes.txt", "--out", "x.npz"],
            "images/notes.txt: no readable image (cannot identify it as one of BMP",
        ),
        (["images", "--out", "x.txt"], "--out x.txt: the name of a file that ends in .npz is needed"),
        (["images", "--out", "there.npz"], "there.npz exists; delete it, or name another file with --out"),
        (["images", "--out", "there.npz/x.npz"], "--out there.npz/x.npz: cannot be written ("),
        (
            ["images", "images/cats", "images/cats/000.png", "images/dogs/big", "--out", "x.npz"],
            "are both called 000.png",
        ),
        (["images", "--out", "x.npz", "--device", "gpu"], "--device gpu: cannot be used ("),
    ],
)
def test_what_is_refused(
    words: list[str], expected: str, published: dict[str, Path], images: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, refusal: Callable[..., str],
) -> None:  # fmt: skip
    """Before anything is encoded, but for an image that can't be read; nothing is left behind."""
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("there.npz").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert expected in refusal("encode", published["decoder"], *words)
    assert sorted(tmp_path.rglob("*")) == before and Path("there.npz").read_text() == "mine"


def test_a_folder_that_is_no_tokenizer(
    published: dict[str, Path], images: Path, tmp_path: Path, refusal: Callable[..., str]
) -> None:
    said = refusal("encode", published["ar_prior"], images, "--out", tmp_path / "x.npz")
    assert said.endswith("holds a prior, not a tokenizer; load it with smalti.Prior.load")


def test_interrupted_it_leaves_nothing(
    published: dict[str, Path], images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        assert (tmp_path / "x.npz.part").exists()  # where it is written until it is whole
        raise KeyboardInterrupt

    monkeypatch.setattr(Tokenizer, "encode", stop)
    assert main(["encode", str(published["decoder"]), str(images), "--out", str(tmp_path / "x.npz")]) == 130
    assert not list(tmp_path.glob("x.npz*"))
