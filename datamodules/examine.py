"""Facts of one image file, gathered before any training: its format, its hash, and what is wrong with it."""

import hashlib
import io
from dataclasses import dataclass

from PIL import Image

from smalti.images import FORMATS, UnreadableImage, decode, frames


@dataclass(frozen=True)
class Examined:
    """Facts of an image file: ``kind`` is its format and Pillow mode, such as "PNG RGBA"; width and height in pixels;
    ``problem`` is empty if it is readable."""

    kind: str
    width: int
    height: int
    sha256: str
    animated: bool
    problem: str


def examine(data: bytes) -> Examined:
    """Returns the facts of an image file from its bytes; raises nothing, whatever the file holds."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        decode(data)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return Examined(f"{image.format} {image.mode}", *image.size, digest, frames(data) > 1, "")
    except UnreadableImage as error:
        return Examined("unreadable", 0, 0, digest, False, " ".join(str(error).split())[:200])
