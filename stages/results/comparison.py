"""Scores of several recipes in one table, where a column holds figures of one protocol alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smalti.config.parsing import unknown

# What of a protocol says how any figure was measured; then by figure, the distances' and LPIPS' by their beginning.
COMMON = ("image_size", "data_digest", "reference_listing", "crop", "resize", "images", "network_dtype", "weights")
JUDGE = ("judge", "judge_sha256", "frechet")
RECONSTRUCTION = {
    "psnr": ("psnr", "reconstruction_reference"),
    "psnr_y": ("psnr_y", "reconstruction_reference"),
    "ssim": ("ssim", "reconstruction_reference"),
    "ssim_llamagen": ("ssim_llamagen", "reconstruction_reference"),
    "lpips": ("reconstruction_reference",),
    "distance": (*JUDGE, "reconstruction_tap", "reconstruction_reference"),
    "usage": ("reconstruction_reference",),
}
GENERATION = {
    "distance": (*JUDGE, "generation_tap", "generation_reference", "samples.number", "samples.labels"),
    "manifold": (
        "judge", "judge_sha256", "manifold.tap", "manifold.neighbours", "manifold.features", "manifold.reference",
        "manifold.samples", "samples.labels",
    ),
    "inception_score": ("judge", "judge_sha256", "generation_inception_score", "samples.number"),
    "own_class": ("judge", "judge_sha256", "class_judge", "samples.labels"),
    "usage": ("generation_codebook",),
}  # fmt: skip
MANIFOLD = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class Figure:
    """A value, None if it is absent, and how it was measured."""

    value: float | None
    protocol: Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """The figures of one decoder of a recipe, or of one prior through one decoder, by column."""

    recipe: str
    what: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class Comparison:
    """Lines of one table, and its columns in their order."""

    title: str
    lines: Sequence[Line]
    columns: Sequence[str]

    def cells(self) -> list[list[str]]:
        """Returns the table as text, its head first; what a recipe hasn't, or is absent, is left empty."""
        head = ["recipe", self.title, *self.columns]
        return [
            head,
            *([line.recipe, line.what, *(_shown(line, column) for column in self.columns)] for line in self.lines),
        ]

    def values(self) -> list[tuple[str, str, str, float | None]]:
        """Returns (recipe, decoder or prior/decoder, figure, value) of each cell, at full length."""
        return [
            (line.recipe, line.what, column, line.figures[column].value)
            for line in self.lines
            for column in self.columns
            if column in line.figures
        ]

    def text(self) -> str:
        cells = self.cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if place < 2 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        )


def _shown(line: Line, column: str) -> str:
    figure = line.figures.get(column)
    return "" if figure is None or figure.value is None else f"{figure.value:.4g}"


def reconstruction_lines(recipe: str, scores: Mapping[str, Any], image_size: int) -> list[Line]:
    """Returns a line for each decoder in scores.json."""
    protocol = {**scores["protocol"], "image_size": image_size}
    lines = []
    for decoder, values in scores["reconstruction"].items():
        if decoder == "val_codebook":
            continue
        figures = {}
        for name, value in values.items():
            if name == "frechet":
                figures[protocol["reconstruction_distance"]] = Figure(
                    value, _part(protocol, RECONSTRUCTION["distance"])
                )
            elif name in RECONSTRUCTION or name.startswith("lpips"):
                keys = RECONSTRUCTION.get(name, RECONSTRUCTION["lpips"])
                own = {name: str(protocol.get(name)).partition(";")[0]}  # without whether it was a teacher
                figures[name] = Figure(value, {**_part(protocol, keys), **own})
        usage = scores["reconstruction"].get("val_codebook", {}).get("usage")
        figures["usage"] = Figure(usage, _part(protocol, RECONSTRUCTION["usage"]))
        lines.append(Line(recipe, decoder, figures))
    return lines


def generation_lines(recipe: str, scores: Mapping[str, Any], image_size: int) -> list[Line]:
    """Returns a line for each prior and decoder in scores.json."""
    protocol, found = {**scores["protocol"], "image_size": image_size}, scores.get("generation", {})
    lines = []
    for name, values in found.items():
        prior, _, decoder = name.partition("/")
        if not decoder or decoder == "codebook":
            continue
        measured = {
            protocol["generation_distance"]: ("distance", values.get("frechet")),
            **{name: ("manifold", values.get(name)) for name in MANIFOLD},
            "inception_score": ("inception_score", values.get("inception_score", {}).get("mean")),
            "own_class": ("own_class", values.get("class_agreement", {}).get("balanced")),
            "usage": ("usage", found.get(f"{prior}/codebook", {}).get("usage")),
        }
        figures = {
            column: Figure(value, _part(protocol, GENERATION[kind])) for column, (kind, value) in measured.items()
        }
        lines.append(Line(recipe, name, figures))
    return lines


def _part(protocol: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    found = {}
    for key in (*COMMON, *keys):
        value: Any = protocol
        for name in key.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        found[key] = value
    return found


def columns_of(lines: Sequence[Line]) -> list[str]:
    """Returns the figures that have a value in one of the lines."""
    names = (name for line in lines for name, figure in line.figures.items() if figure.value is not None)
    return list(dict.fromkeys(names))


def compared(title: str, lines: Sequence[Line], wanted: Sequence[str]) -> Comparison:
    """Returns the table of lines: the ``wanted`` columns, or all that have a value.

    Raises:
        ValueError: a column that nobody has, or figures in it that were measured in two ways.
    """
    columns = columns_of(lines)
    for name in wanted:
        if name not in columns:
            raise ValueError(f"--figures: {unknown('figure', name, columns)}")
    for column in wanted or columns:
        _check_protocol(column, [line for line in lines if column in line.figures])
    return Comparison(title, lines, list(wanted or columns))


def _check_protocol(column: str, lines: Sequence[Line]) -> None:
    first = lines[0]
    for line in lines[1:]:
        a, b = (other.figures[column].protocol for other in (first, line))
        for key in a.keys() | b.keys():
            if a.get(key) != b.get(key):
                raise ValueError(
                    f"{column} of {first.recipe} and of {line.recipe} are measured in two ways: {key} is "
                    f"{str(a.get(key))[:80]} and {str(b.get(key))[:80]}; score both by the same data and scores.yaml, "
                    "or choose other columns with --figures"
                )
