"""The claims' figures as a chart: a row of panels for each claim, one for each figure that it compares."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.results.claim_outcome import Outcome

COLOURS = {"holds": "tab:green", "doesn't hold": "tab:red", "can't be told": "tab:gray"}
LINE = 0.22  # inches of a variant
HEAD = 0.75  # inches of a claim beside its variants


def compared_figures(outcome: Outcome) -> list[str]:
    """Returns the figures that a claim compares, in the order of its table."""
    compared = {item.figure for item in outcome.claim.config.expected}
    return [figure for figure in outcome.claim.config.figures if figure in compared]


def draw(outcomes: Sequence[Outcome], file: Path) -> None:
    """Writes an SVG: means by variant with their standard deviations, dots without a bar where there is one seed."""
    shown = [outcome for outcome in outcomes if outcome.begun]
    heights = [HEAD + LINE * len(outcome.claim.variants) for outcome in shown]
    columns = max((len(compared_figures(outcome)) for outcome in shown), default=1)
    with mpl.rc_context({"svg.hashsalt": "claims", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(3 + 3 * columns, max(sum(heights), 1)), layout="constrained")
        parts = figure.subfigures(max(len(shown), 1), 1, height_ratios=heights or [1], squeeze=False)[:, 0]
        for outcome, part in zip(shown, parts, strict=False):
            names = compared_figures(outcome)
            title = f"{outcome.claim.name.replace('_', ' ')}: {outcome.verdict}"
            part.suptitle(title, color=COLOURS[outcome.verdict], fontweight="bold", x=0.01, ha="left", fontsize=9)
            panels = part.subplots(1, columns, squeeze=False, sharey=True)[0]
            for axes, name in zip(panels, names, strict=False):
                draw_panel(axes, outcome, name)
            for axes in panels[len(names) :]:
                axes.set_axis_off()
        figure.savefig(file, format="svg", metadata={"Date": None})


def draw_panel(axes: Axes, outcome: Outcome, name: str) -> None:
    """Draws a figure of all variants of a claim, the first on top."""
    config, variants = outcome.claim.config.figures[name], list(outcome.claim.variants)
    factor = 100 if config.percent else 1
    for place, variant in enumerate(variants):
        spread = outcome.spread(variant, name)
        if spread is not None:
            bar = None if spread.deviation is None else spread.deviation * factor
            axes.errorbar(spread.mean * factor, place, xerr=bar, fmt="o", color="tab:blue", markersize=4, capsize=2)
    better = {None: "", "lower": ", lower is better", "higher": ", higher is better"}[config.better]
    axes.set_title(f"{name}{' (%)' if config.percent else ''}{better}", fontsize=8)
    axes.set_yticks(range(len(variants)), variants)
    axes.set_ylim(len(variants) - 0.5, -0.5)
    axes.grid(axis="x", linewidth=0.4)
