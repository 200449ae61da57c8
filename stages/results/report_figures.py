"""Pictures of the report, each a data URI."""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

matplotlib.use("agg")

SCALE = 2  # screen pixels for each pixel of an image of up to 128 px


def data_uri(data: bytes, kind: str) -> str:
    """Returns the bytes of an image file as a data URI of type image/``kind``."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def picture(image: np.ndarray) -> str:
    """Returns an image uint8 (H, W, 3) as a PNG."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "png")
    return data_uri(stream.getvalue(), "png")


def tile(images: np.ndarray) -> np.ndarray:
    """Returns images uint8 (M, 3, H, W) side by side, a white pixel between them, enlarged to (H', W', 3)."""
    framed = np.pad(images, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=255)
    row = np.concatenate(list(framed), axis=2).transpose(1, 2, 0)
    scale = SCALE if images.shape[-1] <= 128 else 1
    return row.repeat(scale, 0).repeat(scale, 1)


def labelled_grid(rows: list[tuple[str, np.ndarray]]) -> list[tuple[str, str]]:
    """Returns (label, picture) for each row of images uint8 (M, 3, H, W)."""
    return [(label, picture(tile(np.asarray(images)))) for label, images in rows if len(images)]


def token_picture(images: np.ndarray, tokens: np.ndarray, num_codes: int) -> str:
    """Returns images uint8 (M, 3, H, W) above their token maps (M, h, w), where each code has its colour."""
    colours = np.random.default_rng(0).integers(0, 256, (num_codes, 3), dtype=np.uint8)
    factor = images.shape[-1] // tokens.shape[-1]
    maps = colours[tokens].repeat(factor, 1).repeat(factor, 2).transpose(0, 3, 1, 2)
    return picture(np.concatenate([tile(images), tile(maps)], axis=0))


def svg(figure: Figure) -> str:
    """Returns a figure as an SVG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    plt.close(figure)
    return data_uri(stream.getvalue(), "svg+xml")


STEPS = 1000  # bars of a histogram, at most: its width shows no more


def bars(counts: np.ndarray) -> str:
    """Returns a histogram of counts (K,) in their order; for K above STEPS, of the means of STEPS parts."""
    figure, axes = plt.subplots(figsize=(8, 2), layout="constrained")
    starts = np.linspace(0, len(counts), min(len(counts), STEPS), endpoint=False, dtype=np.int64)
    means = np.add.reduceat(counts.astype(np.float64), starts) / np.diff(starts, append=len(counts))
    axes.fill_between(starts, means, step="post")
    axes.set_xlim(0, len(counts))
    axes.set_ylabel("uses")
    return svg(figure)


@dataclass(frozen=True)
class Panel:
    """A curve through ``points`` (x, y), where x is a number or a word; ``marked`` is one of them with a cross."""

    title: str
    points: Sequence[tuple[Any, float]]
    marked: tuple[Any, float] | None = None


def curves(series: dict[str, list[tuple[float, float]]]) -> str:
    """Returns one panel for each series of (update, value), those of val first."""
    names = sorted(series, key=lambda name: (not name.startswith("val/"), name))
    return panels([Panel(name, series[name]) for name in names])


def panels(shown: Sequence[Panel]) -> str:
    """Returns panels side by side, four in a row."""
    columns = 4
    rows = max(1, math.ceil(len(shown) / columns))
    figure, axes = plt.subplots(rows, columns, figsize=(12, 1.8 * rows), squeeze=False)
    # The margins are fixed, since matplotlib's layout engines take seconds for so many panels.
    figure.subplots_adjust(0.04, 0.3 / rows, 0.99, 1 - 0.25 / rows, wspace=0.25, hspace=0.6)
    for panel in axes.flat[len(shown) :]:
        panel.axis("off")
    for panel, one in zip(axes.flat, shown, strict=False):
        x, y = zip(*one.points, strict=True)
        panel.plot(x, y, linewidth=1, marker="." if len(y) < 10 else None)
        if one.marked:
            panel.plot(*([number] for number in one.marked), marker="x", markersize=8)
        panel.set_title(one.title, fontsize=8)
        panel.tick_params(labelsize=6)
    return svg(figure)
