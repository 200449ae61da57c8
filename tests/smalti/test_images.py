"""Images as they come: modes, damage, crops."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image

from datamodules.examine import examine
from smalti.images import FORMATS, UnreadableImage, crop, decode, resize_short_side


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def test_grey_palette_and_cmyk_become_rgb() -> None:
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    assert decode(encoded(red.convert("P"))).getpixel((0, 0)) == (255, 0, 0)
    assert decode(encoded(Image.new("L", (4, 4), 90))).getpixel((0, 0)) == (90, 90, 90)
    cmyk = decode(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)).getpixel((4, 4))
    assert isinstance(cmyk, tuple) and np.abs(np.array(cmyk) - (255, 0, 0)).max() < 16


def test_alpha_is_composited_on_white() -> None:
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    assert decode(encoded(half)).getpixel((0, 0)) == (127, 127, 127)
    assert decode(encoded(Image.new("LA", (4, 4), (0, 0)))).getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    deep = Image.fromarray(np.full((4, 4), 32896, dtype=np.uint16))
    assert decode(encoded(deep)).getpixel((0, 0)) == (128, 128, 128)


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "bomb"])
def test_damaged_files_are_unreadable(damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.effect_noise((64, 64), 50))
    if damage == "bomb":
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    data = {"truncated": data[: len(data) // 2], "empty": b"", "text": b"not an image", "bomb": data}[damage]
    with warnings.catch_warnings(), pytest.raises(UnreadableImage):
        decode(data)


def test_a_strip_that_would_grow_beyond_memory_is_unreadable() -> None:
    """Scaled to a short side of 256, a line of 20,000 px would take 4 GB."""
    with pytest.raises(UnreadableImage, match="1 x 20000 px, one side more than 100 times the other"):
        decode(encoded(Image.new("RGB", (1, 20_000))))
    assert decode(encoded(Image.new("RGB", (200, 2)))).size == (200, 2)


def test_adm_centre_crop_is_box_halving_then_bicubic() -> None:
    """Against a direct writing of ADM's center_crop_arr."""
    pixels = np.random.default_rng(0).integers(0, 256, (150, 210, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    expected = image.resize((105, 75), Image.Resampling.BOX)
    expected = expected.resize((round(105 * 64 / 75), 64), Image.Resampling.BICUBIC)
    left = (expected.width - 64) // 2
    expected = expected.crop((left, 0, left + 64, 64))
    assert np.array_equal(np.asarray(crop(resize_short_side(image, 64), 64)), np.asarray(expected))


def test_postscript_is_no_image() -> None:
    """Pillow would hand it to Ghostscript."""
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    with pytest.raises(UnreadableImage, match="cannot identify"):
        decode(eps)


@pytest.mark.parametrize("kind", FORMATS)
def test_changed_bytes_give_a_picture_or_a_named_error(kind: str) -> None:
    """Pillow's readers raise many kinds of exceptions; none may end a training."""
    noise = Image.effect_noise((12, 12), 80).convert("RGB")
    options = {"save_all": True, "append_images": [noise.rotate(90)]} if kind in ("GIF", "TIFF", "WEBP") else {}
    data, random = encoded(noise, kind, **options), np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        changed = bytearray(data)
        for place in random.integers(0, min(len(data), 400), random.integers(1, 6)):
            changed[place] = random.integers(0, 256)
        examined = examine(bytes(changed[: random.integers(1, len(data) + 1)] if random.random() < 0.3 else changed))
        refused += bool(examined.problem)
    assert refused > 10


def test_upright_as_exif_says() -> None:
    """A photograph that was held sideways, turned or as its pixels lie."""
    pixels = np.zeros((20, 40, 3), dtype=np.uint8)
    pixels[:, :20] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: the top of the picture is its right side
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", exif=exif)
    flat, upright = decode(stream.getvalue()), decode(stream.getvalue(), upright=True)
    assert flat.size == (40, 20) and upright.size == (20, 40)
    assert np.array_equal(np.asarray(upright), np.rot90(np.asarray(flat), -1))
