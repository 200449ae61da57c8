"""The fast way from a file to pixels, beside ADM's by Pillow."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from configs.schema.training import LoadingConfig
from datamodules import decoders
from datamodules.augmentation import training_side, training_square
from datamodules.decoders import DECODERS, by_pillow, turbo
from smalti.images import UnreadableImage

PHOTOGRAPH = Image.fromarray(astronaut())


def written(width: int, height: int, kind: str = "JPEG", mode: str = "RGB", **options: Any) -> bytes:
    """Returns a photograph of this size as a file."""
    stream = io.BytesIO()
    picture = PHOTOGRAPH.resize((width, height), Image.Resampling.LANCZOS).convert(mode)
    picture.save(stream, kind, **{"quality": 92, **options})
    return stream.getvalue()


def difference(data: bytes, side: int, upright: bool = False) -> np.ndarray:
    """Returns by how many levels the two ways differ, for each value."""
    fast, reference = turbo(data, side, upright), by_pillow(data, side, upright)
    assert fast.shape == reference.shape and fast.dtype == reference.dtype == torch.uint8
    return (fast.int() - reference.int()).abs().numpy()


@pytest.mark.parametrize(("width", "height"), [(250, 187), (187, 250), (128, 128), (100, 90)])
def test_photographs_differ_by_a_level_or_two(width: int, height: int) -> None:
    found = difference(written(width, height), 128)
    assert found.max() <= 2 and found.mean() < 0.1


@pytest.mark.parametrize(("scale", "levels"), [(2, 1), (3, 1), (9, 1.5), (16, 4)])
def test_large_photographs_differ_by_what_their_filters_do(scale: int, levels: float) -> None:
    """A level on average, of a picture with a deviation of 80; more where a bicubic filter stands for a box filter."""
    found = difference(written(40 * scale, 32 * scale, quality=100, subsampling=0), 32)
    assert found.mean() < levels


def test_large_photographs_are_scaled_while_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    original = decoders.as_picture

    def watched(image: Image.Image, upright: bool) -> Image.Image:
        seen.append(image.size)
        return original(image, upright)

    monkeypatch.setattr(decoders, "as_picture", watched)
    assert turbo(written(400, 320), 64, False).shape == (3, 64, 80)
    assert seen == [(100, 80)], "a quarter: the shorter side stays at least 64"


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("WEBP", "RGB")]
)
def test_whatever_pillow_reads(kind: str, mode: str) -> None:
    assert difference(written(150, 120, kind, mode), 96).max() <= 2


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("size", [(100, 75), (400, 300)])
def test_upright_as_exif_says(size: tuple[int, int], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = written(*size, exif=exif)
    for upright in (False, True):
        assert difference(data, 64, upright).mean() < 3
    assert (turbo(data, 64, True).shape == turbo(data, 64, False).shape) == (orientation < 5)


def test_a_damaged_file_is_unreadable() -> None:
    for data in (b"", b"x", written(100, 75)[:-900], written(100, 75)[:200], written(400, 300)[:2000]):
        with pytest.raises(UnreadableImage):
            turbo(data, 64, False)


def test_changed_bytes_give_pixels_or_are_unreadable() -> None:
    """As Pillow takes them, no decoder ends the process."""
    random, data = np.random.default_rng(0), written(60, 48)
    unreadable = 0
    for _ in range(300):
        changed = bytearray(data)
        for place in random.integers(0, len(data), 4):
            changed[place] = random.integers(0, 256)
        try:
            assert turbo(bytes(changed), 32, False).shape[0] == 3
        except UnreadableImage:
            unreadable += 1
    assert 0 < unreadable < 300


@pytest.mark.parametrize("crop", ["centre", "random", "random_resized"])
def test_crops_are_the_same_windows(crop: Any) -> None:
    loading = LoadingConfig(crop=crop, min_scale=0.8 if crop == "random_resized" else 1.0)
    for seed in range(6):
        squares = []
        for decode in DECODERS.values():
            random = np.random.default_rng(seed)
            side = training_side(64, loading, random)
            squares.append(training_square(decode(written(120, 90), side, False), 64, loading, random).int())
        assert squares[0].shape == (3, 64, 64) and (squares[0] - squares[1]).abs().max() <= 2
