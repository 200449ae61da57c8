"""What is known of one image before any training: its form, its content's hash, and what is wrong with it."""

import hashlib
import io
from dataclasses import dataclass

from PIL import Image

from smalti.images import FORMATS, UnreadableImage, decode, frames


@dataclass(frozen=True)
class Examined:
    """``kind`` is the file's format and Pillow mode, such as "PNG RGBA"; ``problem`` is empty for a readable image."""

    kind: str
    width: int
    height: int
    sha256: str
    animated: bool
    problem: str


def examine(data: bytes) -> Examined:
    """Returns what the bytes of an image file hold; never raises for what a file may hold."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        decode(data)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return Examined(f"{image.format} {image.mode}", *image.size, digest, frames(data) > 1, "")
    except UnreadableImage as error:
        return Examined("unreadable", 0, 0, digest, False, " ".join(str(error).split())[:200])
