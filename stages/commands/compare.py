"""``python -m pipeline compare``: the scores of several recipes in one table, with their pictures side by side."""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datamodules.arrays import read_array
from pipeline.commands import run_script
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from smalti.config.parsing import unknown
from smalti.config.prior_kinds import PRIOR_KINDS
from stages.results.comparison import (
    Comparison,
    Line,
    columns_of,
    compared,
    generation_lines,
    reconstruction_lines,
)
from stages.results.recipe_results import RecipeResults, names_of
from stages.results.report_figures import labelled_grid
from stages.results.report_page import Section, render

SHOWN = 8  # images of a row


def pictures(names: Sequence[str], scores: Sequence[Artifact], samples: Sequence[Artifact | None]) -> list[Section]:
    """Returns the same val images through each recipe's decoders, and the first samples of each prior."""
    original = read_array(scores[0].file("pictures/original.npy"))[:SHOWN]
    rows = [("original", original)]
    for name, artifact in zip(names, scores, strict=True):
        if np.array_equal(read_array(artifact.file("pictures/original.npy"))[:SHOWN], original):
            for file in sorted((artifact.path / "pictures").glob("phase*.npy")):
                rows.append((f"{name} {file.stem}", read_array(file)[:SHOWN]))
    sections = [Section("Reconstructions", "The same val images.", pictures=[("", labelled_grid(rows))])]
    drawn = []
    for name, drawer in zip(names, samples, strict=True):
        for prior in drawer.facts["priors"] if drawer else ():
            assert drawer
            first = min((drawer.path / prior).glob("images-*.npy"))
            images = read_array(first, "r")[:SHOWN, -1]
            drawn.append((f"{name}: {PRIOR_KINDS[prior].title}", np.asarray(images)))
    if drawn:
        text = "The first samples of each prior, by the last decoder; not chosen."
        sections.append(Section("Samples", text, pictures=[("", labelled_grid(drawn))]))
    return sections


def main(options: argparse.Namespace) -> int:
    store, names = Store(options.runs), names_of(options.recipes)
    results = [RecipeResults(Recipe(folder, options.set), store) for folder in options.recipes]
    scores = [result.result("scores") for result in results]
    reconstruction, generation = list[Line](), list[Line]()
    for name, result, artifact in zip(names, results, scores, strict=True):
        found = json.loads(artifact.verified_file("scores.json").read_text())
        size = result.result("data").facts["image_size"]
        reconstruction += reconstruction_lines(name, found, size)
        generation += generation_lines(name, found, size)
    known = [*columns_of(reconstruction), *columns_of(generation)]
    for figure in options.figures:
        if figure not in known:
            raise ValueError(f"--figures: {unknown('figure', figure, known)}")
    tables = []
    for title, lines in (("reconstruction", reconstruction), ("generation", generation)):
        columns = columns_of(lines)
        chosen = [figure for figure in options.figures or columns if figure in columns]
        if chosen:
            tables.append(compared(title, lines, chosen))
    print("\n\n".join(table.text() for table in tables))
    if options.csv:
        write_csv(options.csv, tables)
    if options.html:
        drawn = pictures(names, scores, [result.samples() for result in results])
        figures = Section("Figures", "", tables=[(table.title, table.cells()) for table in tables])
        options.html.write_text(render(f"{' and '.join(names)} compared", [figures, *drawn]))
    return 0


def write_csv(file: Path, tables: Sequence[Comparison]) -> None:
    """Writes a row for each figure."""
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["recipe", "of", "figure", "value"])
        writer.writerows(row for table in tables for row in table.values())


if __name__ == "__main__":
    sys.exit(run_script("compare", main))
