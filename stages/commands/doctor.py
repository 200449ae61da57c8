"""``python -m pipeline doctor``: says whether a recipe can run here, before it starts.

It checks versions, devices against what the stages ask for, weights by their sha256, whether images and the lists that
name them are there, whether results can be written, and disk space. Of each training whose inputs are published it
makes one real update and reports the peak memory.
"""

import argparse
import importlib.metadata
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from configs.schema.sources import HubDataset
from pipeline.commands import run_script
from pipeline.graph import Recipe, Status
from pipeline.job import PACKAGES
from pipeline.launcher import Launcher
from pipeline.listing import hash_listing
from pipeline.store import Store
from pipeline.weights_ledger import read_ledger
from smalti.artifact import MANIFEST, sha256_of
from smalti.config.weights import locate_weights, weights_of
from stages.commands.cost import costs
from stages.commands.data import read_report, stops
from stages.commands.disk_use import rows_of, sample_bytes
from stages.commands.forecast import absent_scores, late_gans, small_sweeps, wrong_networks
from stages.commands.params import not_counted
from stages.training.checkpoints import KEPT

Finding = tuple[bool | None, str]  # whether something is in order (None: it can't be told yet), and a line about it
LABELS = {True: "ok   ", False: "WRONG", None: "later"}


def check_versions() -> Iterator[Finding]:
    """Names the versions of Python and of the packages; one of the two faiss packages must be there."""
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    has_faiss = any(text.startswith("faiss") for text in versions)
    remedy = "" if has_faiss else "; no faiss: make install"
    yield has_faiss, f"python {sys.version.split()[0]}, {', '.join(versions)}{remedy}"


def check_devices(recipe: Recipe) -> Iterator[Finding]:
    """Compares this node's GPUs with the devices that the stages ask for."""
    gpus = torch.cuda.device_count()
    yield True, f"{gpus} GPUs, {os.cpu_count()} cores"
    for stage, node in recipe.nodes.items():
        runtime = node.config.runtime
        on_cpu = runtime.accelerator == "cpu" or not (gpus or runtime.accelerator == "cuda")
        enough = on_cpu or gpus >= runtime.devices
        if not enough or runtime.devices * runtime.num_nodes > 1:
            yield enough, f"{stage} wants {runtime.num_nodes} nodes of {runtime.devices} devices"


def check_weights(recipe: Recipe) -> Iterator[Finding]:
    """Checks that each weights file is there, and that it is what ``make weights`` fetched."""
    try:
        ledger = read_ledger()
    except ValueError as error:
        yield False, str(error)
        return
    for name in sorted({name for node in recipe.nodes.values() for name in weights_of(node.config)}):
        try:
            path = locate_weights(name)
            sha256 = sha256_of(path)
        except ValueError as error:
            yield False, str(error)
            continue
        fetched = ledger.get(name, {}).get("sha256", sha256)
        text = f"weights {path}: sha256 {sha256[:16]}"
        yield sha256 == fetched, text if sha256 == fetched else f"{text}, fetched as {fetched[:16]}: fetch it again"


def check_data(recipe: Recipe) -> Iterator[Finding]:
    """Looks for the images, and for the lists that name them."""
    if "data" not in recipe.nodes:
        return
    source = recipe.nodes["data"].config.source
    try:
        hash_listing(source)
    except ValueError as error:
        yield False, str(error)
        return
    if isinstance(source, HubDataset):
        yield True, f"data set {source.name} of the hub, which stage data fetches"
    else:
        yield True, f"data of kind {source.kind}" + (f" in {source.root}" if hasattr(source, "root") else "")


def check_images(recipe: Recipe, store: Store) -> Iterator[Finding]:
    """Says by the report of ``python -m pipeline data`` whether a run would stop at unreadable images."""
    status = recipe.status(store).get("data")
    if status is None or status.artifact is None:
        return
    figures = read_report(store, status.artifact)
    if figures is None:
        yield True, "images not looked at: python -m pipeline data reads them all"
        return
    problems = stops(status.artifact, figures)
    yield from ((False, problem) for problem in problems)
    if not problems:
        yield True, f"{len(figures['unreadable'])} unreadable images, which a run tolerates"


def check_forecast(recipe: Recipe, store: Store) -> Iterator[Finding]:
    """Loads each feature network, and says what a run would meet at its end."""
    problems = [*wrong_networks(recipe), *small_sweeps(recipe), *late_gans(recipe)]
    yield from ((False, f"{stage}: {problem}") for stage, problem in problems)
    if not problems:
        yield True, "feature networks load, their taps are there, each GAN starts before its training ends"
    status = recipe.status(store).get("data")
    if status is not None and status.artifact is not None:
        yield from ((True, f"will be absent: {text}") for text in absent_scores(recipe, status.artifact))


def check_space(recipe: Recipe, store: Store) -> Iterator[Finding]:
    """Writes a file, and compares the free space with what the stages write: the checkpoints of each training, a row of
    features or tokens for each image, and the samples."""
    try:
        store.root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=store.root):
            pass
    except OSError as error:
        yield False, f"{store.root}: cannot be written ({error.strerror})"
        return
    free = shutil.disk_usage(store.root).free / 1e9
    trainings = costs(recipe, tflops=1, utilisation=1)  # on any device: a checkpoint is as large on all
    checkpoints = sum(KEPT * cost.checkpoint_gb for cost in trainings.values())
    samples = sample_bytes(recipe) / 1e9
    needed, parts = checkpoints + samples, [f"checkpoints {checkpoints:.1f} GB, samples {samples:.2f} GB"]
    if line := not_counted(recipe, trainings):
        parts.append(line)
    try:
        by_stage = rows_of(recipe)
    except ValueError as error:
        yield False, f"features of an image: {error}"
        by_stage = {}
    status = recipe.status(store)
    data = status["data"].artifact if "data" in status else None
    for stage, rows in by_stage.items():
        if data is None:
            size = f"{rows.bytes_per_image:,} bytes an image"
            parts.append(f"{stage} {size} (how many there are isn't known before stage data)")
            continue
        images = sum(data.facts[f"num_{split}"] for split in rows.splits)
        gigabytes = images * rows.bytes_per_image / 1e9
        needed += gigabytes
        parts.append(f"{stage} {gigabytes:.2f} GB for {images:,} images")
    yield free > needed, f"{store.root}: {free:.0f} GB free; {', '.join(parts)}"


def try_trainings(recipe: Recipe, store: Store, changes: list[str]) -> Iterator[Finding]:
    """Tries each training whose inputs are published."""
    launcher = Launcher([stage for stage, node in recipe.nodes.items() if node.config.STAGE.trains])
    for stage, status in recipe.status(store).items():
        if not status.node.config.STAGE.trains:
            continue
        if status.inputs is None:
            yield None, f"{stage}: not tried, it {status.reason}"
            continue
        try:
            yield try_training(launcher, status, store, changes)
        except ValueError as error:
            yield False, f"{stage}: {error}"


def try_training(launcher: Launcher, status: Status, store: Store, changes: list[str]) -> Finding:
    """Makes one update of a training, in a folder of its own that links to the other stages' results."""
    stage = status.node.stage
    with tempfile.TemporaryDirectory(dir=store.root, prefix=".doctor.") as folder:
        runs = Path(folder)
        for name in ("artifacts", "data"):
            (runs / name).mkdir()
            for item in (store.root / name).glob("*") if (store.root / name).is_dir() else ():
                if item.name != stage:
                    (runs / name / item.name).symlink_to(item)
        print(f"{stage}: one update, in a folder that is deleted afterwards", flush=True)
        shortened = [*changes, f"{stage}.training.updates=1", f"{stage}.training.validate_every=1"]
        code = launcher.run(status.node, ["--runs", folder, *(f"--set={change}" for change in shortened)])
        manifest = next(runs.glob(f"artifacts/{stage}/*/{MANIFEST}"), None)
        if manifest is None:
            return False, f"{stage}: one update ended with exit code {code}"
        made_by = json.loads(manifest.read_text())["made_by"]
    on_gpu = f", {made_by['device_memory_gb']:.1f} GB on the GPU" if "device_memory_gb" in made_by else ""
    memory = f"{made_by['peak_memory_gb']} GB{on_gpu}"
    return True, f"{stage}: one update and one validation, {made_by['seconds']} s, {memory}"


def to_the_end(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yields the findings of a check; an error that ends it, at a damaged result say, is the last of them."""
    try:
        yield from findings
    except (ValueError, OSError) as error:
        yield False, str(error)


def main(options: argparse.Namespace) -> int:
    recipe, store = Recipe(options.recipe, options.set), Store(options.runs)
    checks = (
        check_versions(), check_devices(recipe), check_weights(recipe), check_data(recipe), check_images(recipe, store),
        check_space(recipe, store), check_forecast(recipe, store),
    )  # fmt: skip
    problems = untried = 0
    for check in (*checks, try_trainings(recipe, store, options.set)):
        for in_order, text in to_the_end(check):
            print(f"{LABELS[in_order]} {text}", flush=True)
            problems += in_order is False
            untried += in_order is None
    if problems:
        print("1 problem found" if problems == 1 else f"{problems} problems found")
        return 1
    later = f"; trainings not tried: {untried}, run doctor again when their inputs are published"
    print(f"ready{later if untried else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(run_script("doctor", main))
