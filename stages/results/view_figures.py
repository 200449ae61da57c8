"""Charts of stage views, each a data URI."""

import io
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from smalti.views.code_map import CodeMap
from stages.results.report_figures import data_uri, svg

ACTIVE, INACTIVE = "tab:green", "tab:blue"  # the colours of VQGAN-LC's Figure 4


def png(figure: Figure) -> str:
    """Returns a figure as a PNG: thousands of points are too many for an SVG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    plt.close(figure)
    return data_uri(stream.getvalue(), "png")


def code_maps(maps: Sequence[tuple[str, CodeMap]]) -> str:
    """Returns a panel for each book: its codes on a plane, the inactive ones below the active ones."""
    figure, axes = plt.subplots(1, len(maps), figsize=(4 * len(maps), 4), squeeze=False, layout="constrained")
    for panel, (title, found) in zip(axes.flat, maps, strict=True):
        for name, chosen, colour in (("inactive", ~found.active, INACTIVE), ("active", found.active, ACTIVE)):
            panel.scatter(*found.places[chosen].T, s=5, c=colour, label=f"{name} ({chosen.sum():,})")
        usage = f"{found.usage:.1%} of codes in use"
        panel.set_title(f"{title}, {usage}" if title else usage, fontsize=9)
        panel.legend(fontsize=7, loc="upper right")
        panel.set_axis_off()
    return png(figure)


def class_maps(maps: Sequence[tuple[str, np.ndarray]], labels: np.ndarray, names: Sequence[str]) -> str:
    """Returns a panel for each book: images at ``places`` (M, 2), coloured by their label (M,)."""
    figure, axes = plt.subplots(1, len(maps), figsize=(4 * len(maps) + 1.5, 4), squeeze=False, layout="constrained")
    colours = plt.get_cmap("tab10")
    for panel, (title, places) in zip(axes.flat, maps, strict=True):
        for label, name in enumerate(names):
            panel.scatter(*places[labels == label].T, s=9, color=colours(label % 10), label=name)
        panel.set_title(title, fontsize=9)
        panel.set_axis_off()
    axes.flat[-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return png(figure)


def usage_by_epoch(series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Returns the curves of usage, in per cent, by epoch (VQGAN-LC Figure 3)."""
    figure, axes = plt.subplots(figsize=(5, 2.4), layout="constrained")
    for name, points in series.items():
        epochs, values = np.array(points).T
        axes.plot(epochs, 100 * values, marker="." if len(points) < 20 else None, linewidth=1, label=name)
    axes.set(xlabel="epoch", ylabel="codes in use, %", ylim=(0, 105))
    axes.legend(fontsize=7)
    return svg(figure)


def by_codes(series: Mapping[str, Sequence[tuple[int, float]]], figure_name: str) -> str:
    """Returns a figure against the codes of a book, a line for each number of books (FQGAN Figure 1)."""
    figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
    for name, points in series.items():
        codes, values = np.array(sorted(points)).T
        axes.plot(codes, values, marker="o", linewidth=1, label=name)
    axes.set_xscale("log", base=2)
    axes.set(xlabel="codes of a book", ylabel=figure_name)
    axes.legend(fontsize=7)
    return svg(figure)
