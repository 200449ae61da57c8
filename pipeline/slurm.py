"""``python -m pipeline slurm``: one job for each stage, chained by afterok, written from the same recipe."""

import shlex
import string
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.graph import Node, Recipe
from pipeline.process import PROJECT
from pipeline.rows import from_anywhere
from pipeline.store import Store

TEMPLATE = PROJECT / "slurm" / "stage.sbatch"
NOTICE = 120  # seconds before the time limit at which a job is told to save


class _Template(string.Template):
    delimiter = "@"


def job_script(
    node: Node, recipe: Recipe, store: Store, changes: Sequence[str], gpus: bool, options: Sequence[str]
) -> str:
    """Returns the batch script of a stage: nodes, tasks and devices as its ``runtime`` says.

    Args:
        changes: ``stage.key=value`` overrides, which every job repeats, so that all see the same recipe.
        options: further options of sbatch, one a line; they beat those of the template.

    Raises:
        ValueError: a path or an option with a control character: behind a line break stood a command of its own.
    """
    for word in (recipe.folder, store.root, PROJECT, Path.cwd(), sys.executable, *changes, *options):
        if not str(word).isprintable():
            raise ValueError(f"{str(word)!r}: has a line break or another control character; rename it or leave it out")
    runtime = node.config.runtime
    on_gpus = gpus and runtime.accelerator != "cpu" and not node.config.STAGE.one_process
    place = from_anywhere(recipe.folder, Path.cwd())
    words = ["--runs", str(store.root), *(f"--set={change}" for change in changes)]
    return _Template(TEMPLATE.read_text()).substitute(
        stage=node.stage, script=node.script, recipe=recipe.folder, nodes=runtime.num_nodes, devices=runtime.devices,
        cpus=runtime.num_workers + 1, notice=NOTICE,
        gpus=f"#SBATCH --gpus-per-node={runtime.devices}\n" if on_gpus else "",
        log=store.root / "slurm" / f"{node.stage}-%j.log",
        options="".join(f"#SBATCH {option}\n" for option in options),
        project=shlex.quote(str(PROJECT)), python=shlex.quote(sys.executable),
        arguments=shlex.join(["--config", str(place / node.file.name), *words]),
        check=shlex.join([str(place), "--stage", node.stage, *words]),
    )  # fmt: skip


def write_jobs(
    recipe: Recipe, store: Store, changes: Sequence[str], gpus: bool, options: Sequence[str]
) -> dict[str, Path]:
    """Writes ``runs/slurm/<stage>.sbatch`` for each stage that isn't published; returns the files in order."""
    folder = store.root / "slurm"
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for stage, status in recipe.status(store).items():
        if status.artifact is None:
            files[stage] = folder / f"{stage}.sbatch"
            files[stage].write_text(job_script(status.node, recipe, store, changes, gpus, options))
    return files


def submit(recipe: Recipe, files: dict[str, Path]) -> dict[str, str]:
    """Submits the jobs, each behind those that publish its inputs; returns job ids.

    Raises:
        ValueError: sbatch isn't there or refuses.
    """
    jobs: dict[str, str] = {}
    for stage, file in files.items():
        needed = [jobs[name] for name in recipe.nodes[stage].inputs.values() if name in jobs]
        behind = [f"--dependency=afterok:{':'.join(needed)}"] if needed else []
        try:
            done = subprocess.run(
                ["sbatch", "--parsable", *behind, str(file)], capture_output=True, text=True, check=True
            )
        except FileNotFoundError as error:
            raise ValueError("sbatch: no such command; submit on a login node of the cluster") from error
        except subprocess.CalledProcessError as error:
            queued = f"; queued already: {', '.join(jobs.values())}, take them back with scancel" if jobs else ""
            raise ValueError(f"{file}: sbatch refused: {' '.join(error.stderr.split())}{queued}") from error
        jobs[stage] = done.stdout.strip().partition(";")[0]
    return jobs
