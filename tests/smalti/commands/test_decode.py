"""``smalti decode``: what ``smalti encode`` wrote, back to PNG files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests_support import write_images

from smalti import Tokenizer
from smalti.commands.outputs import png_files
from smalti.pixels import to_uint8

TOKENS = np.arange(192, dtype=np.uint16).reshape(3, 8, 8) % 64


def test_there_and_back(
    published: dict[str, Path], tokenizer: Tokenizer, tmp_path: Path, run: Callable[..., str]
) -> None:
    """Sub-folders come back; each file holds the decoder's image of its tokens, to the bit."""
    images, out = write_images(tmp_path / "images", {"cats": 2, "dogs/big": 1}), tmp_path / "out"
    (images / "cats" / "001.png").rename(images / "cats" / "a.b.JPEG")
    run("encode", published["decoder"], images, "--out", tmp_path / "tokens.npz")
    said = run("decode", published["decoder"], tmp_path / "tokens.npz", "--out", out, "--batch-size", 2)
    assert said == f"{out}: 3 images\n"
    files = sorted(file for file in out.rglob("*") if file.is_file())
    assert [str(file.relative_to(out)) for file in files] == ["cats/000.png", "cats/a.b.png", "dogs/big/000.png"]
    originals = sorted(file for file in images.rglob("*") if file.is_file())
    tokens = tokenizer.encode(tokenizer.read(*originals))
    expected = torch.cat([to_uint8(tokenizer.decode(part)) for part in tokens.split(2)])  # batches round differently
    for file, wanted in zip(files, expected, strict=True):
        with Image.open(file) as image:
            assert np.array_equal(np.asarray(image).transpose(2, 0, 1), wanted.numpy())


def test_rows_without_names_are_numbered(
    published: dict[str, Path], tokenizer: Tokenizer, tmp_path: Path, run: Callable[..., str]
) -> None:
    """Tokens of other grids make images of other sizes."""
    np.savez(tmp_path / "tokens.npz", tokens=np.zeros((2, 4, 12), dtype=np.int32))
    run("decode", published["decoder"], tmp_path / "tokens.npz", "--out", tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["000000.png", "000001.png"]
    with Image.open(tmp_path / "out" / "000001.png") as image:
        assert image.size == (96, 32)


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil.png", "", ".", "..", "a\0b"])
def test_a_name_that_leads_out_of_the_folder(
    name: str, published: dict[str, Path], tmp_path: Path, refusal: Callable[..., str]
) -> None:
    """Nothing is written at all, neither there nor for the names before it."""
    np.savez(tmp_path / "tokens.npz", tokens=TOKENS[:2], names=np.array(["fine", name]))
    words = ["decode", published["decoder"], tmp_path / "tokens.npz", "--out", tmp_path / "out"]
    if "\0" in name:  # NumPy's texts can't end in it, but hold it
        assert "below the folder is needed" in refusal(*words)
    else:
        assert refusal(*words) == f"name {name!r}: the name of a file below the folder is needed; rename it"
    assert [file.name for file in tmp_path.iterdir()] == ["tokens.npz"]


def test_names_of_one_file(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"names 'x\.jpg' and 'x\.PNG' would be one file, .*x\.png; rename one of them"
    ):
        png_files(tmp_path, ["x.jpg", "x.PNG"])
    assert png_files(tmp_path, ["x.jpg", "x.v1", "d/x.png"]) == [
        tmp_path / "x.png", tmp_path / "x.v1.png", tmp_path / "d" / "x.png"
    ]  # fmt: skip


def test_nothing_is_written_over(published: dict[str, Path], tmp_path: Path, refusal: Callable[..., str]) -> None:
    np.savez(tmp_path / "tokens.npz", tokens=TOKENS, names=np.array(["a", "b", "c"]))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.png").write_text("mine")
    said = refusal("decode", published["decoder"], tmp_path / "tokens.npz", "--out", tmp_path / "out")
    assert said == f"{tmp_path}/out/b.png exists; delete it, or name another folder with --out"
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["b.png"]
    assert (tmp_path / "out" / "b.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        (
            {"tokens": TOKENS + np.array([0, 0, 1], np.uint16).reshape(3, 1, 1)},
            "tokens from 0 to 64; this tokenizer has codes 0 to 63",
        ),
        ({"tokens": TOKENS.astype(np.float32)}, "tokens are float32 of shape (3, 8, 8); integers (M, h, w) or"),
        ({"tokens": TOKENS[0]}, "tokens are uint16 of shape (8, 8)"),
        ({"tokens": TOKENS[:, None]}, "tokens of shape (3, 1, 8, 8); those of this tokenizer are (B, h, w)"),
        ({"tokens": np.uint16(3)}, "no tokens can be read ("),
        ({"tokens": TOKENS, "names": np.array(["a", "b"])}, "names of another kind or number; 3 texts are needed"),
        ({"tokens": TOKENS, "names": np.arange(3)}, "names of another kind or number"),
        ({"tokens": TOKENS, "names": np.array("abc")}, "names of another kind or number"),
        ({"images": TOKENS}, "no tokens can be read ("),
        ({"tokens": np.array([{}, {}, {}], dtype=object)}, "no tokens can be read (Object arrays cannot be loaded"),
    ],
)
def test_arrays_that_encode_does_not_write(
    arrays: dict[str, Any], expected: str, published: dict[str, Path], tmp_path: Path, refusal: Callable[..., str]
) -> None:
    """All of them are looked at before the first image is written."""
    np.savez(tmp_path / "tokens.npz", **arrays)
    words = ["decode", published["decoder"], tmp_path / "tokens.npz", "--out", tmp_path / "out", "--batch-size", 1]
    assert expected in refusal(*words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["missing", "npy", "text", "cut", "folder"])
def test_files_that_are_no_tokens(
    kind: str, published: dict[str, Path], tmp_path: Path, refusal: Callable[..., str]
) -> None:
    file = tmp_path / "tokens.npz"
    if kind == "npy":
        with file.open("wb") as stream:
            np.save(stream, TOKENS)
    elif kind == "folder":
        file.mkdir()
    elif kind != "missing":
        np.savez(file, tokens=TOKENS)
        file.write_bytes(b"text" if kind == "text" else file.read_bytes()[:300])
    said = refusal("decode", published["decoder"], file, "--out", tmp_path / "out")
    assert said.startswith(f"{file}: no tokens can be read (") and said.endswith(
        "give a file that 'smalti encode' wrote"
    )


def test_an_out_that_is_a_file(published: dict[str, Path], tmp_path: Path, refusal: Callable[..., str]) -> None:
    np.savez(tmp_path / "tokens.npz", tokens=TOKENS)
    (tmp_path / "out").write_text("mine")
    assert "File exists" in refusal("decode", published["decoder"], tmp_path / "tokens.npz", "--out", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"
