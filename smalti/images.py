"""Image files: bytes to an RGB picture, its crops, and back to a file.

Grey and palette images become RGB; transparency is composited on white; Pillow converts CMYK; 16-bit grey is scaled to
8 bit; an animation gives its first frame; EXIF orientation is applied where it is asked for, as for one's own
photographs, and not otherwise, as is usual for ImageNet.
"""

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from smalti.pixels import to_uint8

# Pillow's other readers are never tried: some are rare and brittle, and the EPS reader runs a program.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
# Suffixes of the files that are taken from a folder.
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# Pillow's readers raise any of these for a damaged file.
DAMAGE = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, OverflowError, struct.error, zlib.error,
    Image.DecompressionBombWarning, Image.DecompressionBombError,
)  # fmt: skip
# Scaled to a short side of 512 px, an image of this aspect has 26 million pixels, well below Pillow's limit.
MAX_ASPECT = 100

Corner = Literal["centre", "top_left", "top_right", "bottom_left", "bottom_right"]


class UnreadableImage(ValueError):
    """An image that can't be read; the message says why."""


def decode(data: bytes, upright: bool = False) -> Image.Image:
    """Returns the picture in an image file's bytes, in mode RGB; ``upright`` as its EXIF orientation says.

    Raises:
        UnreadableImage: as ``opened`` and ``as_picture``.
    """
    return as_picture(opened(data), upright)


def opened(data: bytes) -> Image.Image:
    """Returns the image in a file's bytes, of which the header alone was read.

    Raises:
        UnreadableImage: the file is empty or none of FORMATS; it has so many pixels (89 million) that Pillow warns; or
            as ``check_shape``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:  # Pillow's message ends in an address
        raise UnreadableImage(f"cannot identify it as one of {', '.join(FORMATS)}") from error
    except DAMAGE as error:
        raise UnreadableImage(f"{type(error).__name__}: {error}") from error
    check_shape(image)
    return image


def check_shape(image: Image.Image) -> None:
    """Raises UnreadableImage if an image has no pixels, or one side is more than MAX_ASPECT times the other."""
    if not min(image.size):
        raise UnreadableImage(f"{image.width} x {image.height} px")
    if max(image.size) > MAX_ASPECT * min(image.size):
        raise UnreadableImage(f"{image.width} x {image.height} px, one side more than {MAX_ASPECT} times the other")


def as_picture(image: Image.Image, upright: bool = False) -> Image.Image:
    """Returns an opened image in mode RGB, all its pixels read; ``upright`` as its EXIF orientation says.

    Raises:
        UnreadableImage: damaged, or as ``check_shape``.
    """
    check_shape(image)
    try:
        image.load()
        return as_rgb(ImageOps.exif_transpose(image) if upright else image)
    except DAMAGE as error:
        raise UnreadableImage(f"{type(error).__name__}: {error}") from error


def frames(data: bytes) -> int:
    """Returns the number of frames of a readable image; 2 for an animation whose end is damaged."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        try:
            return int(getattr(image, "n_frames", 1))
        except DAMAGE:
            return 2


def as_rgb(image: Image.Image) -> Image.Image:
    """Returns the picture in mode RGB."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip to white
        image = Image.fromarray((np.asarray(image, dtype=np.float64) / 257).round().clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def resize_short_side(image: Image.Image, size: int) -> Image.Image:
    """Returns the image with a shorter side of ``size`` pixels: halved by a box filter while it is at least twice that,
    then resized bicubically.

    This is ADM's resize (Dhariwal & Nichol 2021, ``center_crop_arr``), with which the reference statistics were made.
    """
    while min(image.size) >= 2 * size:
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    scale = size / min(image.size)
    width, height = round(image.width * scale), round(image.height * scale)
    return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.BICUBIC)


def crop(image: Image.Image, size: int, corner: Corner = "centre") -> Image.Image:
    """Returns a square of ``size`` pixels from a corner or the centre."""
    left, top = place(image.width, image.height, size, corner)
    return image.crop((left, top, left + size, top + size))


def place(width: int, height: int, size: int, corner: Corner = "centre") -> tuple[int, int]:
    """Returns left and top of a square of ``size`` pixels; the centre is rounded as ADM does.

    >>> place(20, 11, 8), place(20, 11, 8, "bottom_right")
    ((6, 1), (12, 3))
    """
    right, bottom = width - size, height - size
    return {
        "centre": (right // 2, bottom // 2), "top_left": (0, 0), "top_right": (right, 0),
        "bottom_left": (0, bottom), "bottom_right": (right, bottom),
    }[corner]  # fmt: skip


def write_png(image: Tensor, file: Path) -> None:
    """Writes an image (3, H, W) in [-1, 1] as a PNG; its folder is made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(to_uint8(image).movedim(0, 2).cpu().numpy()).save(file)
