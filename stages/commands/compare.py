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
from smalti.config.prior_kinds import PRIOR_KINDS
from stages.results.comparison import Comparison, compared, generation_lines, reconstruction_lines
from stages.results.report_figures import labelled_grid
from stages.results.report_page import Section, render

SHOWN = 8  # images of a row


def published(recipe: Recipe, store: Store, stage: str) -> Artifact:
    """Returns a result of a recipe; ValueError if it isn't published."""
    if stage not in recipe.nodes:
        raise ValueError(f"{recipe.file}: has no stage {stage}, whose figures are compared")
    artifact = recipe.status(store)[stage].artifact
    if artifact is None:
        raise ValueError(f"{recipe.file}: {stage} isn't published; run: python -m pipeline run {recipe.file.parent}")
    return artifact


def names_of(recipes: Sequence[Path]) -> list[str]:
    """Returns a short name for each recipe: its folder's, with as many folders above as tell it from the others."""
    parts = [recipe.resolve().parts for recipe in recipes]
    depth = 1
    while len({part[-depth:] for part in parts}) < len(set(parts)):
        depth += 1
    return ["/".join(part[-depth:]) for part in parts]


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
    store = Store(options.runs)
    recipes = [Recipe(folder, options.set) for folder in options.recipes]
    names = names_of(options.recipes)
    scores = [published(recipe, store, "scores") for recipe in recipes]
    lines = []
    for name, recipe, artifact in zip(names, recipes, scores, strict=True):
        found = json.loads(artifact.verified_file("scores.json").read_text())
        size = published(recipe, store, "data").facts["image_size"]
        lines.append((reconstruction_lines(name, found, size), generation_lines(name, found, size)))
    tables = []
    for title, part in (("reconstruction", [own for own, _ in lines]), ("generation", [own for _, own in lines])):
        flat = [line for own in part for line in own]
        measured = {column for line in flat for column, figure in line.figures.items() if figure.value is not None}
        wanted = [column for column in options.figures if column in measured] if options.figures else []
        if flat and (wanted or not options.figures):
            tables.append(compared(title, flat, wanted))
    if not tables:
        raise ValueError(f"--figures {' '.join(options.figures)}: no recipe has one of them")
    print("\n\n".join(table.text() for table in tables))
    if options.csv:
        write_csv(options.csv, tables)
    if options.html:
        drawn = pictures(names, scores, [of_samples(recipe, store) for recipe in recipes])
        figures = Section("Figures", "", tables=[(table.title, table.cells()) for table in tables])
        options.html.write_text(render(f"{' and '.join(names)} compared", [figures, *drawn]))
    return 0


def write_csv(file: Path, tables: Sequence[Comparison]) -> None:
    """Writes a row for each figure."""
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["recipe", "of", "figure", "value"])
        writer.writerows(row for table in tables for row in table.values())


def of_samples(recipe: Recipe, store: Store) -> Artifact | None:
    """Returns the samples of a recipe, if it draws any."""
    return published(recipe, store, "samples") if "samples" in recipe.nodes else None


if __name__ == "__main__":
    sys.exit(run_script("compare", main))
