"""``python -m pipeline doctor``: whether a recipe can run here, before it is started.

Versions, devices against what the stages ask for, weights with their sha256, a folder that can be written, disk space,
and one real update of each training whose inputs are published, with its peak memory.
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

from pipeline.commands import run_script
from pipeline.graph import Recipe
from pipeline.job import PACKAGES
from pipeline.launcher import Launcher
from pipeline.store import Store
from pipeline.weights_ledger import read_ledger
from smalti.artifact import sha256_of
from smalti.config.weights import locate_weights, weights_of
from stages.commands.cost import costs, row_bytes, sample_bytes
from stages.training.checkpoints import KEPT

Finding = tuple[bool | None, str]  # whether it is well, None if that can't be told yet, and what
LABELS = {True: "ok   ", False: "WRONG", None: "later"}


def versions() -> Iterator[Finding]:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    has_faiss = any(text.startswith("faiss") for text in found)
    yield (
        has_faiss,
        f"python {sys.version.split()[0]}, {', '.join(found)}{'' if has_faiss else '; no faiss: make install'}",
    )


def devices(recipe: Recipe) -> Iterator[Finding]:
    """Compares the GPUs of this node, or the CPU's cores, with what the stages ask for."""
    here = torch.cuda.device_count()
    yield True, f"{here} GPUs, {os.cpu_count()} cores"
    for stage, node in recipe.nodes.items():
        runtime = node.config.runtime
        on_cpu = runtime.accelerator == "cpu" or not (here or runtime.accelerator == "cuda")
        enough = on_cpu or here >= runtime.devices
        if not enough or runtime.devices * runtime.num_nodes > 1:
            yield enough, f"{stage} wants {runtime.num_nodes} nodes of {runtime.devices} devices"


def weights(recipe: Recipe) -> Iterator[Finding]:
    """Says which weights files are there, and whether they are what ``make weights`` fetched."""
    try:
        ledger = read_ledger()
    except ValueError as error:
        yield False, str(error)
        return
    for name in sorted({name for node in recipe.nodes.values() for name in weights_of(node.config)}):
        try:
            path = locate_weights(name)
            found = sha256_of(path)
            wanted = ledger.get(name, {}).get("sha256", found)
            text = f"weights {path}: sha256 {found[:16]}"
            yield found == wanted, text if found == wanted else f"{text}, fetched as {wanted[:16]}: fetch it again"
        except ValueError as error:
            yield False, str(error)


def space(recipe: Recipe, store: Store) -> Iterator[Finding]:
    """Writes a file, and compares the free space with what the stages will take: two checkpoints of each training,
    features and tokens of each image, and the samples."""
    try:
        store.root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=store.root):
            pass
    except OSError as error:
        yield False, f"{store.root}: cannot be written ({error.strerror})"
        return
    free = shutil.disk_usage(store.root).free / 1e9
    checkpoints = sum(KEPT * cost.checkpoint_gb for cost in costs(recipe, 312.0, 0.35).values())
    samples = sample_bytes(recipe) / 1e9
    need, parts = checkpoints + samples, [f"checkpoints {checkpoints:.1f} GB, samples {samples:.2f} GB"]
    try:
        rows = row_bytes(recipe)
    except ValueError as error:
        yield False, f"features of an image: {error}"
        rows = {}
    status = recipe.status(store)
    data = status["data"].artifact if "data" in status else None
    for stage, size in rows.items():
        if data is None:
            parts.append(f"{stage} {size:,} bytes an image (how many there are isn't known before stage data)")
            continue
        images = data.facts["num_train"] + (data.facts["num_val"] if stage == "token_shards" else 0)
        need += images * size / 1e9
        parts.append(f"{stage} {images * size / 1e9:.2f} GB for {images:,} images")
    yield free > need, f"{store.root}: {free:.0f} GB free; {', '.join(parts)}"


def one_update(recipe: Recipe, store: Store, changes: list[str]) -> Iterator[Finding]:
    """Runs a single update of each training in a folder of its own, on the published inputs."""
    launcher = Launcher([stage for stage, node in recipe.nodes.items() if node.config.STAGE.trains])
    for stage, status in recipe.status(store).items():
        if not status.node.config.STAGE.trains:
            continue
        if status.inputs is None:
            yield None, f"{stage}: not tried, it {status.reason}"
            continue
        with tempfile.TemporaryDirectory(dir=store.root, prefix=".doctor.") as folder:
            for name in ("artifacts", "data"):
                (Path(folder) / name).mkdir()
                for item in (store.root / name).glob("*") if (store.root / name).is_dir() else ():
                    if item.name != stage:
                        (Path(folder) / name / item.name).symlink_to(item)
            short = [f"{stage}.training.updates=1", f"{stage}.training.validate_every=1"]
            words = ["--runs", folder]
            try:
                code = launcher.run(status.node, [*words, *(f"--set={change}" for change in (*changes, *short))])
            except ValueError as error:
                yield False, f"{stage}: {error}"
                continue
            manifests = list(Path(folder).glob(f"artifacts/{stage}/*/manifest.json"))
            if not manifests:
                yield False, f"{stage}: one update ended with exit code {code}"
                continue
            made = json.loads(manifests[0].read_text())["made_by"]
            device = f", {made['device_memory_gb']:.1f} GB on the GPU" if "device_memory_gb" in made else ""
            memory = f"{made['peak_memory_gb']} GB{device}"
            yield True, f"{stage}: one update and one validation, {made['seconds']} s, {memory}"


def told(part: Iterator[Finding]) -> Iterator[Finding]:
    """Yields the findings of a part of the examination; what it can't go on from, a damaged result say, is the last."""
    try:
        yield from part
    except (ValueError, OSError) as error:
        yield False, str(error)


def main(options: argparse.Namespace) -> int:
    recipe, store, failed, untried = Recipe(options.recipe, options.set), Store(options.runs), 0, 0
    findings = (versions(), devices(recipe), weights(recipe), space(recipe, store))
    for part in (*findings, one_update(recipe, store, options.set)):
        for good, text in told(part):
            print(f"{LABELS[good]} {text}", flush=True)
            failed += good is False
            untried += good is None
    later = f", but {untried} trainings weren't tried, their inputs aren't published: run doctor again when they are"
    print(f"{failed} things to mend" if failed else f"ready{later if untried else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run_script("doctor", main))
