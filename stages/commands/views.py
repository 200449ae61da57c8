"""``python -m pipeline views``: the views of one or several recipes, of val images or of anybody's, on one page."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence

import torch

from configs.schema.views import ViewsConfig
from pipeline.commands import run_script
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from smalti.config.parsing import unknown
from smalti.tokenizer import read_images
from stages.results.comparison import columns_of, compared, reconstruction_lines
from stages.results.published import open_index
from stages.results.recipe_results import RecipeResults, names_of
from stages.results.report_page import Section, render
from stages.results.view_figures import by_codes
from stages.results.view_images import LabelledImages, spread_images
from stages.results.view_sections import code_section, prediction_section, replacement_section
from stages.results.viewed import Viewed, load_viewed
from stages.results.viewed_tokens import code_counts, reconstructed_tokens, sampled_tokens, viewer_section


def views_config(results: RecipeResults) -> ViewsConfig:
    """Returns how a recipe wants its views, the defaults if it has no such stage."""
    node = results.recipe.nodes.get("views")
    return node.config if node else ViewsConfig()


def chosen_images(options: argparse.Namespace, first: Mapping[str, Artifact], config: ViewsConfig) -> LabelledImages:
    """Returns the images that are looked at: those of the command line, else val images of the first recipe.

    Raises:
        ValueError: an image that can't be read, labels that don't go with the images, or an unknown class.
    """
    if not options.images:
        if options.labels:
            raise ValueError("--labels: val images have their own; give --images too")
        return spread_images(open_index(first["data"]), "val", config.measured_images)
    images, names = read_images(first["tokenizer"].facts["image_size"], *options.images), class_names(first)
    if not options.labels:
        return LabelledImages(images, None)
    if len(options.labels) != len(options.images):
        raise ValueError(f"--labels: {len(options.labels)} for {len(options.images)} images; give one for each")
    for label in options.labels:
        if label not in names:
            raise ValueError(f"--labels: {unknown('class', label, names)}")
    return LabelledImages(images, torch.tensor([names.index(label) for label in options.labels]))


def class_names(found: Mapping[str, Artifact]) -> list[str]:
    """Returns the classes of a recipe's data."""
    names: list[str] = found["data"].facts["class_names"]
    return names


def check_alike(names: Sequence[str], recipes: Sequence[Mapping[str, Artifact]], of: LabelledImages) -> None:
    """Raises ValueError for recipes that can't be given the same images and labels."""
    first = recipes[0]
    for name, found in zip(names, recipes, strict=True):
        size, wanted = (other["tokenizer"].facts["image_size"] for other in (found, first))
        if size != wanted:
            raise ValueError(f"{name} takes images of {size} px, {names[0]} of {wanted}; look at them one by one")
        if of.labels is not None and class_names(found) != class_names(first):
            raise ValueError(f"{name} has other classes than {names[0]}; look at them one by one, or at --images")
        needs_classes = "ar_prior" in found and class_names(found) and not found["ar_prior"].config["label_dropout"]
        if of.labels is None and needs_classes:
            raise ValueError(f"{name}: its AR prior was trained without label dropout; give --labels")


def size_section(names: Sequence[str], recipes: Sequence[Mapping[str, Artifact]]) -> Section | None:
    """Returns the distance of reconstructions against the size of the books (FQGAN Figure 1), of the recipes that have
    scores; None of fewer than two.

    Raises:
        ValueError: distances that were measured in two ways.
    """
    lines, sizes = [], {}
    for name, found in zip(names, recipes, strict=True):
        if "scores" in found:
            scores = json.loads(found["scores"].verified_file("scores.json").read_text())
            lines.append(reconstruction_lines(name, scores, found["tokenizer"].facts["image_size"])[-1])
            sizes[name] = tuple(found["tokenizer"].facts[fact] for fact in ("num_books", "num_codes"))
    distances = [column for column in columns_of(lines) if column.startswith(("fd_", "FID"))]
    if len(lines) < 2 or not distances:
        return None
    table = compared("reconstruction", lines, distances[:1])
    series: dict[str, list[tuple[int, float]]] = {}
    for line in lines:
        books, codes = sizes[line.recipe]
        value = line.figures[distances[0]].value if distances[0] in line.figures else None
        if value is not None:
            series.setdefault("1 book" if books == 1 else f"{books} books", []).append((codes, value))
    picture = by_codes(series, distances[0])
    return Section("Reconstruction by size of the books", "", [("", table.cells())], [("", picture)])


def sections_of(
    viewed: Sequence[Viewed], recipes: Sequence[Mapping[str, Artifact]], of: LabelledImages, config: ViewsConfig
) -> list[Section]:
    """Returns the sections of the page; the token viewer is there for a single recipe."""
    sections = []
    if with_prior := [one for one in viewed if one.prior]:
        sections.append(prediction_section(with_prior, of, config)[0])
    sections.append(replacement_section(viewed, of.images, config)[0])
    if size := size_section([one.name for one in viewed], recipes):
        sections.append(size)
    counts = [code_counts(found) for found in recipes]
    for one, found, used in zip(viewed, recipes, counts, strict=True):
        sections.append(code_section(one, used, of, class_names(found), config))
    if len(viewed) == 1:
        [one], [found], [used] = viewed, recipes, counts
        maps = reconstructed_tokens(one, of.images[: config.viewer.reconstructions])
        if "samples" in found:
            maps += sampled_tokens(found["samples"], config.viewer.samples)
        if maps:
            sections.append(viewer_section(one, maps, used, open_index(found["data"]), config.viewer))
    return sections


def main(options: argparse.Namespace) -> int:
    store = Store(options.runs)
    results = [RecipeResults(Recipe(folder, options.set), store) for folder in options.recipes]
    for result in results:
        result.result("tokenizer")
    recipes, config = [result.published() for result in results], views_config(results[0])
    of, names = chosen_images(options, recipes[0], config), names_of(options.recipes)
    check_alike(names, recipes, of)
    viewed = [
        load_viewed(name if len(names) > 1 else "", found, config.runtime.accelerator, config.batch_size)
        for name, found in zip(names, recipes, strict=True)
    ]
    page = render(f"{' and '.join(names)}: views", sections_of(viewed, recipes, of, config))
    options.html.write_text(page, encoding="utf-8")
    print(f"{options.html}: {len(of.images)} images, {len(page) / 2**20:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(run_script("views", main))
