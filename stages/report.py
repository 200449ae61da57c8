"""Stage report: one self-contained HTML file. It needs no torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from configs.schema.report import ReportConfig
from configs.schema.stages import STAGES
from datamodules.arrays import read_array
from pipeline.job import Job, run_stage
from smalti.artifact import Artifact
from smalti.config.prior_kinds import PRIOR_KINDS, PRIOR_STAGES
from smalti.published import is_imported
from stages.results.classifier_section import classifier_section
from stages.results.code_counts import count_codes
from stages.results.comparison import MANIFOLD
from stages.results.curves import read_curves
from stages.results.named_protocols import named_table
from stages.results.prior_section import prior_section
from stages.results.real_section import real_section
from stages.results.report_figures import bars, curves, labelled_grid, token_picture
from stages.results.report_page import Section, render
from stages.results.sweep_section import sweep_section

STAGE = "report"
GENERATED = "/codebook"  # ends the names of figures of generated tokens


def pictures_of(scores: Artifact) -> dict[str, Path]:
    """Returns the files of the arrays that stage scores kept for the report, by name."""
    return {path.stem: path for path in sorted((scores.path / "pictures").glob("*.npy"))}


def reconstruction_section(scores: Artifact) -> Section:
    """Returns originals, the reconstructions of both phases and their error maps; each column is an image."""
    arrays = {name: read_array(path) for name, path in pictures_of(scores).items()}
    original = arrays["original"]
    rows = [("original", original)]
    for phase in (phase for phase in ("phase1", "phase2") if phase in arrays):
        error = np.abs(arrays[phase].astype(int) - original).mean(1, keepdims=True).repeat(3, 1)
        rows += [(phase, arrays[phase]), (f"|{phase} - original|", np.clip(255 - 2 * error, 0, 255).astype(np.uint8))]
    rows += [(f"book {name[4:]} alone", arrays[name]) for name in sorted(arrays) if name.startswith("book")]
    text = "Val images. In an error map white is no error, black one of 128 grey levels."
    if "phase2" in arrays:
        text += (
            " In phase 1 encoder, codebook and decoder learn together; in phase 2 the decoder alone learns detail, and "
            "the tokens stay the same."
        )
    return Section("Reconstructions", text, pictures=[("", labelled_grid(rows))])


def token_section(job: Job) -> Section:
    """Returns token maps of val images, and histograms of how often each code is used."""
    scores = job.inputs["scores"]
    tokens = read_array(scores.file("pictures/tokens.npy"))
    original = read_array(scores.file("pictures/original.npy"))
    num_books, num_codes = (job.inputs["tokenizer"].facts[name] for name in ("num_books", "num_codes"))
    maps = list(tokens.swapaxes(0, 1)) if num_books > 1 else [tokens]
    pictures = [
        (f"image and token map (one colour a code){_book(i, num_books)}", token_picture(original, book, num_codes))
        for i, book in enumerate(maps)
    ]
    counted = {}
    if not is_imported(job.inputs["tokenizer"]):
        counted["last training window"] = read_array(job.inputs["tokenizer"].file("train_counts.npy"))
    if "token_shards" in job.inputs:
        shards = job.inputs["token_shards"]
        counted |= {f"{split} tokens": count_codes(shards, split, has_views=True) for split in ("train", "val")}
    if "samples" in job.inputs:
        samples = job.inputs["samples"]
        counted |= {
            f"tokens that the {PRIOR_KINDS[prior].title} generated": count_codes(samples, prior, has_views=False)
            for prior in samples.facts["priors"]
        }
    for over, counts in counted.items():
        for i, row in enumerate(counts):
            title = f"uses of each code over the {over}, most used first{_book(i, num_books)}"
            pictures.append((title, bars(np.sort(row)[::-1])))
    text = f"{num_codes} codes, grid {tokens.shape[-2]} x {tokens.shape[-1]}."
    return Section("Tokens", f"{num_books} books of {text}" if num_books > 1 else text, pictures=pictures)


def _book(number: int, num_books: int) -> str:
    return f", book {number}" if num_books > 1 else ""


def sample_sections(samples: Artifact, per_class: int) -> list[Section]:
    """Returns a section for each prior: its samples by class, decoded by each decoder."""
    labels = read_array(samples.file("labels.npy"))
    names = samples.facts["class_names"] or ["all"]
    sections = []
    for prior in samples.facts["priors"]:
        images = np.concatenate([read_array(path, "r")[: 16 * len(names)]
                                 for path in sorted((samples.path / prior).glob("images-*.npy"))])  # fmt: skip
        pictures = []
        for number, decoder in enumerate(samples.facts["decoders"]):
            rows = [
                (name, images[np.flatnonzero(labels[: len(images)] == label)[:per_class], number])
                for label, name in enumerate(names)
            ]
            pictures.append((f"decoded by {decoder}", labelled_grid(rows)))
        text = f"{samples.facts['num_samples']} samples, seed {samples.facts['seed']}; the first of each class."
        sections.append(Section(f"Samples: {PRIOR_KINDS[prior].title}", text, pictures=pictures, dense=True))
    return sections


def figure(value: float | None) -> str:
    """Returns a figure with three decimals; "absent" for None, of which the protocol says why."""
    return "absent" if value is None else f"{value:.3f}"


def share(value: float | None) -> str:
    """Returns a share in per cent; "absent" for None."""
    return "absent" if value is None else f"{value:.1%}"


def spread(score: dict[str, float] | None) -> str:
    """Returns an Inception score with its deviation over the parts; "absent" for None."""
    return f"{score['mean']:.2f} ± {score['std']:.2f}" if score else "absent"


def cell(name: str, value: Any) -> str:
    """Returns a figure of reconstructions: decibels with two decimals, others with three."""
    if name.startswith("inception_score"):
        return spread(value)
    return f"{value:.2f}" if name.startswith("psnr") and value is not None else figure(value)


def score_tables(scores: dict[str, Any]) -> list[tuple[str, list[list[str]]]]:
    """Returns captioned tables of all figures."""
    protocol = scores["protocol"]
    phases = {name: scores["reconstruction"][name] for name in ("phase1", "phase2") if name in scores["reconstruction"]}
    columns = {"psnr": "PSNR dB", "psnr_y": "PSNR of Y, dB", "ssim": "SSIM", "ssim_llamagen": "SSIM as LlamaGen's"}
    lpips = [name for name in phases["phase1"] if name.startswith("lpips")]
    columns |= {name: f"LPIPS, {name.removeprefix('lpips_')}" for name in lpips} or {"lpips": "LPIPS"}
    columns |= {"frechet": protocol["reconstruction_distance"], "inception_score": "Inception score"}
    if "inception_score_in_order" in phases["phase1"]:
        columns["inception_score_in_order"] = "in the data's order"
    reconstruction = [["", *columns.values()]]
    for phase, values in phases.items():
        reconstruction.append([phase, *(cell(name, values.get(name)) for name in columns)])
    tables = [("Reconstruction, val images", reconstruction)]
    windows = [name for name in protocol if name.removeprefix("usage_").isdigit()]
    among = [f"of {int(name.removeprefix('usage_')):,} tokens" for name in windows]
    codebook = [["", "usage", *among, "perplexity", "entropy, nats"]]
    counted = {"val": scores["reconstruction"]["val_codebook"]}
    if "train_codebook" in scores:
        counted["train"] = scores["train_codebook"]
    for name, values in scores.get("generation", {}).items():
        if name.endswith(GENERATED):
            counted[f"generated, {PRIOR_KINDS[name.removesuffix(GENERATED)].title}"] = values
    for over, values in counted.items():
        for book in ("", *sorted(name.removeprefix("usage") for name in values if name.startswith("usage/"))):
            usage, perplexity, entropy = (values[f"{name}{book}"] for name in ("usage", "perplexity", "entropy"))
            title = f"{over}, book {book[1:]}" if book else over
            within = [share(values.get(f"{name}{book}")) if over == "val" else "" for name in windows]
            codebook.append([title, share(usage), *within, f"{perplexity:.0f}", f"{entropy:.3f}"])
    tables.append(("Codebook", codebook))
    if "generation" in scores:
        head = ["", protocol["generation_distance"], *MANIFOLD, "Inception score", "own class (balanced)"]
        generation = [head]
        for name, values in scores["generation"].items():
            if name == "val":
                generation.append(["val images", *[""] * (len(head) - 2), share(values["balanced"])])
            if name == "val" or name.endswith(GENERATED):
                continue
            own, inception = values.get("class_agreement"), values.get("inception_score")
            generation.append([
                name, figure(values["frechet"]), *(figure(values.get(of)) for of in MANIFOLD), spread(inception),
                share(own["balanced"] if own else None),
            ])  # fmt: skip
        tables.append(("Generation", generation))
    return tables


def absent_text(absent: dict[str, str]) -> str:
    """Returns which figures are absent, by reason; each reason stands once.

    >>> absent_text({"lpips": "no backbone", "a/frechet": "too few images", "b/frechet": "too few images"})
    'Absent: lpips (no backbone); a/frechet, b/frechet (too few images).'
    """
    names: dict[str, list[str]] = {}
    for name, reason in absent.items():
        names.setdefault(reason, []).append(name)
    said = "; ".join(f"{', '.join(of)} ({reason})" for reason, of in names.items())
    return f"Absent: {said}." if said else ""


def stage_table(job: Job) -> list[list[str]]:
    """Returns a row for each stage: key, seconds, peak memory; of an imported one its file too."""
    rows = [["stage", "key", "seconds", "peak GB"]]
    for name, artifact in job.inputs.items():
        made_by = artifact.manifest["made_by"]
        if is_imported(artifact):
            (sha256,) = artifact.manifest["weights"].values()
            name = f"{name}, imported: {artifact.facts['imported']}, sha256 {sha256[:16]}"
        rows.append([name, artifact.key, f"{made_by['seconds']:.0f}", f"{made_by['peak_memory_gb']:.1f}"])
    return rows


def protocol_section(protocol: dict[str, Any]) -> Section:
    """Returns how figures were measured: by which protocols with a name, and in full."""
    text = "The command smalti evaluate has no other figures: usage and own class are this project's own."
    folded = {"protocol": json.dumps(protocol, indent=1)}
    return Section("Protocol", text, tables=[("", named_table(protocol["named"]))], texts=folded)


def build(job: Job) -> None:
    """Puts what the other stages published into report.html."""
    config: ReportConfig = job.config
    scores = json.loads(job.inputs["scores"].file("scores.json").read_text())
    text = absent_text(scores["protocol"]["absent"])
    sections = [Section("Scores", text, tables=score_tables(scores)), reconstruction_section(job.inputs["scores"])]
    if "sweep" in job.inputs:
        sections.append(sweep_section(job.inputs["sweep"]))
    if "samples" in job.inputs:
        samples = job.inputs["samples"]
        priors = {kind.name: job.inputs[stage] for stage, kind in PRIOR_STAGES.items() if stage in job.inputs}
        drawn = {name: prior for name, prior in priors.items() if name in samples.facts["priors"]}
        if len(drawn) > 1:
            sections.append(prior_section(samples, drawn, scores))
        sections.append(real_section(job.inputs["data"], config.samples_per_class))
        sections += sample_sections(samples, config.samples_per_class)
    sections.append(token_section(job))
    if "views" in job.inputs:
        views = json.loads(job.inputs["views"].file("sections.json").read_text(encoding="utf-8"))
        sections += [Section(**section) for section in views]
    if "classifier" in job.inputs:
        sections.append(classifier_section(job.inputs["classifier"]))
    panels = [
        (config_class.STAGE.curves, curves(read_curves(job.inputs[stage].file("curves.csv"))))
        for stage, config_class in STAGES.items()
        if stage in job.inputs and config_class.STAGE.trains and not is_imported(job.inputs[stage])
    ]
    sections.append(Section("Curves", "Unweighted loss terms and other figures, by update.", pictures=panels))
    settings = {name: json.dumps(a.config, indent=1) for name, a in job.inputs.items()}
    sections.append(Section("Stages and settings", "", tables=[("", stage_table(job))], texts=settings))
    sections.append(protocol_section(scores["protocol"]))
    page = job.work / "report.html"
    page.write_text(render(config.title, sections), encoding="utf-8")
    job.publish(
        files={},
        records={"report.html": page},
        facts={"sections": [section.title for section in sections]},
        images=config.samples_per_class,
        summary=f"{len(sections)} sections, {page.stat().st_size / 2**20:.1f} MB",
    )


if __name__ == "__main__":
    run_stage(STAGE, build)
