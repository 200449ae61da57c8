"""The token viewer: a part of a page in which an image's tokens are looked at, and changed, without a server.

What it shows is made beforehand: for each token its nearest codes, and the pixels that come out with each of them.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from PIL import Image

from smalti.views.alternatives import Alternatives
from smalti.views.patches import CodePatches
from stages.results.report_figures import data_uri, picture

TEMPLATE = Path(__file__).with_suffix(".html")
COLUMNS = 64  # windows of a sheet side by side
QUALITY = 88  # of WebP; the whole picture, on which windows are laid, is a PNG
MOST = 10 * 2**20  # bytes of a viewer


@dataclass(frozen=True)
class ViewedImage:
    """An image that was decoded from ``tokens`` (k, h, w): ``image`` uint8 (3, H, W)."""

    title: str
    image: np.ndarray
    tokens: np.ndarray
    alternatives: Alternatives


def sheet(windows: np.ndarray) -> str:
    """Returns pictures uint8 (M, 3, S, S) as one WebP, COLUMNS of them side by side; none gives an empty address."""
    if not len(windows):
        return ""
    side = windows.shape[-1]
    rows = -(-len(windows) // COLUMNS)
    canvas = np.zeros((rows * COLUMNS, 3, side, side), dtype=np.uint8)
    canvas[: len(windows)] = windows
    pixels = canvas.reshape(rows, COLUMNS, 3, side, side).transpose(0, 3, 1, 4, 2).reshape(rows * side, -1, 3)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "webp", quality=QUALITY)
    return data_uri(stream.getvalue(), "webp")


def described(viewed: ViewedImage) -> dict[str, Any]:
    """Returns what the page is told of an image."""
    windows = viewed.alternatives.windows
    return {
        "title": viewed.title,
        "image": picture(viewed.image.transpose(1, 2, 0)),
        "size": viewed.image.shape[1:],
        "grid": viewed.tokens.shape[1:],
        "tokens": viewed.tokens.reshape(len(viewed.tokens), -1).tolist(),
        "neighbours": viewed.alternatives.codes.tolist(),
        "corners": viewed.alternatives.corners.tolist(),
        "side": windows.shape[-1],
        "sheet": sheet(windows.reshape(-1, *windows.shape[3:])),
    }


def viewer_markup(images: Sequence[ViewedImage], counts: np.ndarray, patches: CodePatches) -> str:
    """Returns the viewer as HTML with its script.

    Args:
        counts: (k, K), how often each code of each book occurs in train images.

    Raises:
        ValueError: it would take more than 10 MB.
    """
    pixels: list[np.ndarray] = []
    places: list[dict[int, list[int]]] = []
    for found in patches.found:
        places.append({})
        for code, several in found.items():
            places[-1][code] = list(range(len(pixels), len(pixels) + len(several)))
            pixels += several
    codes = sorted({(book, int(code)) for viewed in images for book, code in _codes(viewed)})
    data = {
        "images": [described(viewed) for viewed in images],
        "counts": [{code: int(counts[book, code]) for of, code in codes if of == book} for book in range(len(counts))],
        "totals": counts.sum(1).tolist(),
        "patches": places,
        "patchSide": pixels[0].shape[-1] if pixels else 0,
        "patchSheet": sheet(np.stack(pixels)) if pixels else "",
        "columns": COLUMNS,
    }
    markup = Environment(autoescape=True).from_string(TEMPLATE.read_text(encoding="utf-8")).render(data=data)
    if len(markup) > MOST:
        raise ValueError(
            f"the token viewer takes {len(markup) / 2**20:.1f} MB, 10 MB is the most; lower views.viewer.samples, "
            "reconstructions, patches or neighbours"
        )
    return markup


def _codes(viewed: ViewedImage) -> list[tuple[int, int]]:
    """Returns (book, code) of all that can be looked at: the tokens and the codes that they can be changed to."""
    found = []
    for book, (tokens, near) in enumerate(zip(viewed.tokens, viewed.alternatives.codes, strict=True)):
        found += [(book, int(code)) for code in np.union1d(tokens, near)]
    return found
