"""Stage views: the papers' pictures of what tokens and codes mean, and the token viewer."""

import json
from dataclasses import asdict

from configs.schema.views import ViewsConfig
from pipeline.job import Job, run_stage
from smalti.artifact import Artifact
from smalti.published import is_imported
from stages.results.curves import read_curves
from stages.results.published import check_size, open_index
from stages.results.report_page import Section
from stages.results.view_figures import usage_by_epoch
from stages.results.view_images import spread_images
from stages.results.view_sections import code_section, prediction_section, replacement_section
from stages.results.viewed import load_viewed
from stages.results.viewed_tokens import code_counts, reconstructed_tokens, sampled_tokens, viewer_section

STAGE = "views"


def usage_section(tokenizer: Artifact, num_train: int) -> Section:
    """Returns the share of codes in use, by epoch of the tokenizer's training (VQGAN-LC Figure 3)."""
    epochs = tokenizer.config["training"]["batch_size"] / num_train
    series = {
        name: [(epochs * update, value) for update, value in points]
        for name, points in read_curves(tokenizer.file("curves.csv")).items()
        if name.partition("/")[2].startswith("usage")
    }
    pictures = [("", usage_by_epoch(series))] if series else []
    return Section("Usage by epoch", "Of val images, and of the window of train images before.", pictures=pictures)


def build(job: Job) -> None:
    """Draws every view of the recipe; publishes views.json, and the sections of the page as a record. Rank 0 works
    alone."""
    if job.rank:
        return
    config: ViewsConfig = job.config
    index, tokenizer = open_index(job.inputs["data"]), job.inputs["tokenizer"]
    check_size(index, tokenizer)
    viewed = load_viewed("", job.inputs, config.runtime.accelerator, config.batch_size)
    counts, val = code_counts(job.inputs), spread_images(index, "val", config.measured_images)
    figures: dict[str, object] = {}
    sections = []
    if viewed.prior:
        section, shares = prediction_section([viewed], val, config)
        sections.append(section)
        figures["ranked_first"] = shares[viewed.name]
    section, psnr = replacement_section([viewed], val.images, config)
    figures["replaced_psnr"] = psnr[viewed.name]
    sections.append(section)
    if not is_imported(tokenizer):
        sections.append(usage_section(tokenizer, job.inputs["data"].facts["num_train"]))
    sections.append(code_section(viewed, counts, val, index.facts.class_names, config))
    maps = reconstructed_tokens(viewed, val.images[: config.viewer.reconstructions])
    if "samples" in job.inputs:
        maps += sampled_tokens(job.inputs["samples"], config.viewer.samples)
    if maps:
        sections.append(viewer_section(viewed, maps, counts, index, config.viewer))
    page, found = job.work / "sections.json", job.work / "views.json"
    page.write_text(json.dumps([asdict(section) for section in sections]), encoding="utf-8")
    found.write_text(json.dumps(figures, indent=1))
    job.publish(
        files={"views.json": found},
        records={"sections.json": page},
        facts={"sections": [section.title for section in sections], "tokenizer_digest": tokenizer.digest, **figures},
        images=len(val.images),
        summary=f"{len(sections)} views, {page.stat().st_size / 2**20:.1f} MB",
    )


if __name__ == "__main__":
    run_stage(STAGE, build)
