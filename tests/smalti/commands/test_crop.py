"""``smalti crop``: squares of large pictures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smalti.images import resize_short_side


def coordinates(width: int, height: int) -> Image.Image:
    """A picture that says where its pixels are: red is the column, green the row, at most 256 of each."""
    row, column = np.mgrid[:height, :width].astype(np.uint8)
    return Image.fromarray(np.stack([column, row, np.zeros_like(row)], axis=-1))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "nature").mkdir(parents=True)
    coordinates(200, 120).save(folder / "nature" / "dune.png")
    coordinates(64, 256).save(folder / "tower.PNG")
    return folder


def read(folder: Path) -> dict[str, np.ndarray]:
    return {str(file.relative_to(folder)): np.asarray(Image.open(file)) for file in sorted(folder.rglob("*.png"))}


def test_squares_of_the_picture_itself(pictures: Path, tmp_path: Path, run: Callable[..., str]) -> None:
    """With the size of the shorter side nothing is scaled: each is cut out of the picture, anywhere along it."""
    said = run("crop", pictures / "tower.PNG", "--size", 64, "--number", 50, "--out", tmp_path / "out")
    assert said == f"{tmp_path / 'out'}: 50 images of 1 picture\n"
    squares = read(tmp_path / "out")
    assert list(squares) == [f"tower/{i:04d}.png" for i in range(50)]
    tower, tops = np.asarray(coordinates(64, 256)), []
    for square in squares.values():
        tops.append(int(square[0, 0, 1]))
        assert np.array_equal(square, tower[tops[-1] : tops[-1] + 64])
    assert min(tops) < 30 and max(tops) > 162 and len(set(tops)) > 30


def test_scales(pictures: Path, tmp_path: Path, run: Callable[..., str]) -> None:
    """Sides from a quarter of the shorter side (30 of 120 px) up to all of it, as many below the geometric mean as
    above; each scaled as every image is."""
    run("crop", pictures / "nature", "--size", 16, "--number", 200, "--out", tmp_path / "out")
    picture, sides = coordinates(200, 120), []
    for square in read(tmp_path / "out").values():
        assert square.shape == (16, 16, 3)
        first, last = square[8, 1, 0].astype(float), square[8, 14, 0].astype(float)
        sides.append((last - first) / 13 * 16)
    assert 29 < min(sides) < 34 and 112 < max(sides) < 122
    assert 80 < sum(side < 60 for side in sides) < 120
    whole = [s for s, side in zip(read(tmp_path / "out").values(), sides, strict=True) if side > 119]
    for square in whole:  # a whole side has only its place to choose
        lefts = range(81)
        assert any(
            np.array_equal(square, np.asarray(resize_short_side(picture.crop((left, 0, left + side, side)), 16)))
            for left in lefts
            for side in (119, 120)
        )


def test_a_square_depends_on_seed_name_and_number(pictures: Path, tmp_path: Path, run: Callable[..., str]) -> None:
    for out, words in {
        "all": [pictures, "--number", 3],
        "more": [pictures, "--number", 5],
        "other": [pictures, "--number", 3, "--seed", 1],
    }.items():
        run("crop", *words, "--size", 32, "--out", tmp_path / out)
    squares, more, other = (read(tmp_path / out) for out in ("all", "more", "other"))
    assert list(squares) == [f"{name}/{i:04d}.png" for name in ("nature/dune", "tower") for i in range(3)]
    assert all(np.array_equal(more[name], square) for name, square in squares.items())
    assert not any(np.array_equal(other[name], square) for name, square in squares.items())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["pictures", "--size", "65"], "pictures/tower.PNG: 64 x 256 px, less than --size 65; take it out"),
        (["pictures", "broken.png", "--size", "16"], "broken.png: no readable image (cannot identify it as one of BMP"),
        (["twins", "--size", "16"], "would be one file, out/a/0000.png; rename one of them"),
        (["pictures", "--size", "16", "--out", "there"], "there/tower/0000.png exists; delete it"),
        (["nowhere", "--size", "16"], "nowhere: no such file or folder"),
    ],
)
def test_what_is_refused(
    words: list[str], expected: str, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    refusal: Callable[..., str],
) -> None:  # fmt: skip
    """Before anything is written."""
    monkeypatch.chdir(tmp_path)
    Path("broken.png").write_text("no image")
    for file in ("twins/a.png", "twins/a.jpg", "there/tower/0000.png"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        coordinates(20, 20).save(file)
    before = sorted(tmp_path.rglob("*"))
    assert expected in refusal("crop", *words, *([] if "--out" in words else ["--out", "out"]))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("scale", ["0", "1.5", "nan", "half"])
def test_a_scale_is_a_share(scale: str, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from smalti.commands import main

    with pytest.raises(SystemExit):
        main(["crop", str(pictures), "--size", "16", "--out", "x", "--scale", scale])
    assert f"--scale: {scale!r} given, expected a number above 0, at most 1" in capsys.readouterr().err
