"""Where generated images go, and how it goes on after an interruption."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from smalti.commands.image_sinks import ImageSink, NpzFile, PngFolder
from smalti.pixels import to_uint8

IMAGES = torch.rand(5, 3, 4, 6, generator=torch.Generator().manual_seed(0)) * 2 - 1
LABELS, ORDER = [2, 0, 2, 0, 2], {"seed": 3, "guidance": [2.0]}
Make = Callable[..., ImageSink]


@pytest.fixture(params=["png", "npz"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes a sink in the same place every time."""

    def call(order: dict[str, object] = ORDER, resume: bool = False) -> ImageSink:
        if request.param == "png":
            return PngFolder(tmp_path / "out", [f"{i}.png" for i in range(5)], order, resume)
        return NpzFile(tmp_path / "out.npz", (4, 6, 3), LABELS, order, resume)

    return call


def written(place: Path) -> np.ndarray:
    """The finished images (M, H, W, 3)."""
    if (place / "out").is_dir():
        assert sorted(path.name for path in place.glob("out/*")) == [f"{i}.png" for i in range(5)]
        return np.stack([np.asarray(Image.open(place / "out" / f"{i}.png")) for i in range(5)])
    assert [path.name for path in place.iterdir()] == ["out.npz"]
    with np.load(place / "out.npz") as arrays:
        assert arrays["arr_1"].tolist() == LABELS and arrays["arr_1"].dtype == np.int64
        return arrays["arr_0"]


@pytest.mark.parametrize("stops", [[], [2], [0, 3, 5]])
def test_images_come_out_whole(stops: list[int], make: Make, tmp_path: Path) -> None:
    """Uninterrupted, and with stops after so many images, each of which goes on where it was."""
    sink = make()
    for stop in [*stops, 5]:
        while sink.done < stop:
            sink.write(IMAGES[sink.done])
        if stop != 5 or stops[-1:] == [5]:
            sink = make(resume=True)
            assert sink.done == stop
    while sink.done < 5:
        sink.write(IMAGES[sink.done])
    sink.finish()
    assert np.array_equal(written(tmp_path), to_uint8(IMAGES).movedim(1, 3).numpy())


def test_half_an_image_is_drawn_again(tmp_path: Path) -> None:
    sink = NpzFile(tmp_path / "out.npz", (4, 6, 3), LABELS, ORDER, False)
    sink.write(IMAGES[0])
    with sink.raw.open("ab") as stream:
        stream.write(b"half")
    sink = NpzFile(tmp_path / "out.npz", (4, 6, 3), LABELS, ORDER, True)
    assert sink.done == 1
    for image in IMAGES[1:]:
        sink.write(image)
    sink.finish()
    assert np.array_equal(written(tmp_path), to_uint8(IMAGES).movedim(1, 3).numpy())


def test_nothing_is_mixed(make: Make, tmp_path: Path) -> None:
    """Neither with images of other settings, nor with those of others, nor silently with one's own."""
    make().write(IMAGES[0])
    with pytest.raises(ValueError, match=r"generated with seed 3, 4 is given; give the same again"):
        make({**ORDER, "seed": 4}, resume=True)
    with pytest.raises(ValueError, match=r"exists; delete it|an unfinished run; go on with --resume"):
        make()
    sink = make(resume=True)
    while sink.done < 5:
        sink.write(IMAGES[sink.done])
    sink.finish()
    with pytest.raises(ValueError, match=r"were finished, or aren't of this command|exists; delete it"):
        make(resume=True)


def test_a_gap_is_named(tmp_path: Path) -> None:
    sink = PngFolder(tmp_path / "out", [f"{i}.png" for i in range(5)], ORDER, False)
    for image in IMAGES[:3]:
        sink.write(image)
    (tmp_path / "out" / "1.png").unlink()
    with pytest.raises(ValueError, match=r"1\.png is missing, and later images are there"):
        PngFolder(tmp_path / "out", [f"{i}.png" for i in range(5)], ORDER, True)
