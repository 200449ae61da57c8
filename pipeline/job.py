"""One stage at work: what a script of ``stages/`` is given, and how it publishes."""

import argparse
import datetime
import functools
import importlib.metadata
import os
import resource
import shlex
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any

from configs.schema.stages import stage_of
from pipeline.devices import global_rank, world_size
from pipeline.graph import Recipe, Status
from pipeline.process import PREEMPTED, PROJECT, end_with_parent
from pipeline.store import Store
from smalti.artifact import MANIFEST, Artifact
from smalti.config.parsing import ConfigError, unknown
from smalti.error_line import error_line, is_no_memory

PACKAGES = ("torch", "lightning", "timm", "faiss-cpu", "faiss-gpu", "numpy")


@dataclass
class Job:
    """A stage with its config, its verified inputs and its private work folder."""

    stage: str
    config: Any
    key: str
    inputs: Mapping[str, Artifact]
    work: Path
    store: Store
    identity: Mapping[str, Any]
    rank: int
    lock: IO[str] | None
    begun: float = field(default_factory=time.time)
    done_before: int = 0  # images that an earlier process of this work worked off
    clock: float = field(default_factory=time.monotonic)  # which nobody sets back

    def __post_init__(self) -> None:
        self._publication_before = self._publication()

    def _publication(self) -> int | None:
        """Returns what tells one publication of this stage from the next."""
        try:
            return (self.store.path(self.stage, self.key) / MANIFEST).stat().st_ino
        except FileNotFoundError:
            return None

    def wait_for_rank_0(self) -> None:
        """Returns, on the other ranks, when rank 0 has published.

        Clustering or hashing 20 GB, it may work on alone for long; ``srun --wait`` kills what is left 100 s after
        the first rank's end.
        """
        while self.rank and self._publication() in (None, self._publication_before):
            time.sleep(0.5)

    def publish(
        self,
        *,
        files: Mapping[str, Path],
        facts: Mapping[str, object],
        summary: str,
        images: int,
        records: Mapping[str, Path] | None = None,
        made_by: Mapping[str, object] | None = None,
    ) -> None:
        """Publishes result files and prints the summary line; every rank may call it, rank 0 acts.

        ``images`` is how many the stage worked off, for the speed in the summary, ``done_before`` by earlier processes.
        """
        if self.rank:
            return
        seconds = time.monotonic() - self.clock
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        stamp = {
            **_provenance(), "seconds": round(seconds, 1), "peak_memory_gb": round(peak, 2),
            "started": datetime.datetime.fromtimestamp(self.begun, datetime.UTC).isoformat(timespec="seconds"),
            "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), **(made_by or {}),
        }  # fmt: skip
        self.store.publish(
            self.stage, self.key, files=files, records=records or {}, identity=self.identity, facts=facts, made_by=stamp
        )
        speed = f"{(images - self.done_before) / seconds:.0f} images/s"
        print(f"{self.stage}: {seconds:.0f} s, {speed}, {peak:.1f} GB, {summary}; published {self.key}", flush=True)


def _provenance() -> dict[str, object]:
    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(PROJECT), *words], capture_output=True, text=True, check=False)
        except OSError:  # no git here
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    changed, versions = git("status", "--porcelain"), {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "git": git("rev-parse", "HEAD"), "dirty": None if changed is None else bool(changed), "versions": versions,
        "python": sys.version.split()[0], "slurm_job_id": os.environ.get("SLURM_JOB_ID"),
    }  # fmt: skip


def stage_parser(stage: str) -> argparse.ArgumentParser:
    """Returns the parser of a stage's command line."""
    parser = argparse.ArgumentParser(
        prog=f"stages/{stage}.py", allow_abbrev=False, description=f"Runs stage {stage}, or says that it is up to date."
    )
    parser.add_argument("--config", type=Path, required=True, help="RECIPE/STAGE.yaml, of a row too")
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path("runs"),
        help="folder of results and work (default runs, in the working directory)",
    )
    parser.add_argument("--force", action="store_true", help="build again even if published")
    parser.add_argument("--set", action="append", default=[], metavar="STAGE.KEY=VALUE", help="override, any stage")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="override of this stage")
    return parser


def parse_arguments(stage: str, words: list[str]) -> argparse.Namespace:
    """Returns the command line of a stage."""
    return stage_parser(stage).parse_args(words)


def find_work(stage: str, words: argparse.Namespace) -> tuple[Status, Store] | None:
    """Returns how far a stage is, or None when it is published already and not forced. Opens and locks nothing.

    Raises:
        ValueError: the recipe is wrong or an input isn't published.
    """
    file = words.config
    if file.stem != stage:
        raise ConfigError(f"{file}: the config of stage {stage} is called {stage}.yaml, beside its pipeline.yaml")
    recipe = Recipe(file.parent, [*words.set, *(f"{stage}.{change}" for change in words.overrides)])
    if stage not in recipe.nodes:
        raise ConfigError(f"{recipe.file}: {unknown('stage', stage, list(recipe.nodes))}")
    store = Store(words.runs)
    status = recipe.status(store)[stage]
    if status.artifact and not words.force:
        if not global_rank():
            print(f"{stage}: up to date, {status.artifact.path}")
        return None
    if status.key is None or status.inputs is None or status.identity is None:
        if status.state == "blocked":
            raise ValueError(f"{stage}: {status.reason}")
        missing = status.reason.removeprefix("waits for ")
        if missing not in recipe.nodes:
            raise ValueError(f"{stage} {status.reason}")
        changes = [f"--set={change}" for change in (*words.set, *(f"{stage}.{change}" for change in words.overrides))]
        recipe_words = [str(file.parent), "--until", missing, "--runs", str(words.runs), *changes]
        raise ValueError(
            f"{stage} {status.reason}, which isn't published; run: python -m pipeline run {shlex.join(recipe_words)}"
        )
    return status, store


def open_job(stage: str, script: str = "") -> Job | None:
    """Returns the job that the command line asks for, or None when its result is published already.

    Raises:
        ValueError: the recipe is wrong, an input is missing or damaged, another process is at work, the launcher
            started several for a stage of one, or the stage is the work of another script than this one.
    """
    words = parse_arguments(stage, sys.argv[1:])
    found = find_work(stage, words)
    if found is None:
        return None
    if found[0].node.script != (script or stage):
        raise ValueError(
            f"stage {stage} of {words.config.parent} is the work of stages/{found[0].node.script}.py; run: "
            f"python -m pipeline run {words.config.parent} --until {stage}"
        )
    if stage_of(stage).one_process and world_size() > 1:
        raise ValueError(
            f"stage {stage} works in one process, the launcher started {world_size()}; take --devices, --ntasks and "
            f"the runtime.devices and runtime.num_nodes of {stage}.yaml back to 1"
        )
    status, store = found
    assert status.key is not None and status.inputs is not None and status.identity is not None
    lock = None
    if not global_rank():
        lock = store.lock(stage, status.key)
        if not status.artifact and store.find(stage, status.key):
            raise ValueError(f"{stage}: another run has published {status.key} just now; run the same command again")
        for artifact in status.inputs.values():
            artifact.verify()
    work = store.work(stage, status.key)
    return Job(stage, status.node.config, status.key, status.inputs, work, store, status.identity, global_rank(), lock)


def obey_signals(stage: str) -> None:
    """Makes SIGTERM and SIGUSR1 end a stage that goes on where it was with code PREEMPTED, so that it is requeued.

    The others start anew: SIGTERM ends them with 143, and SIGUSR1, the notice before a time limit, leaves them the time
    that is left. A training takes over from here while it trains, and saves first.
    """
    if stage_of(stage).resumes:
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, functools.partial(_end, PREEMPTED))
    else:
        signal.signal(signal.SIGTERM, functools.partial(_end, 128 + signal.SIGTERM))
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def _end(code: int, number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGTERM, signal.SIGUSR1):  # one from the group and one from the runner are one
        signal.signal(again, signal.SIG_IGN)
    sys.exit(code)


def run_stage(stage: str, build: Callable[[Job], None], script: str = "") -> None:
    """Runs ``build`` on the job of the command line; the main of every script in ``stages/``, which has the stage's
    name unless ``script`` says another.

    A ValueError or OSError, or that there is no memory, becomes one line and exit code 1; set SMALTI_TRACEBACK=1 to see
    where it came from.
    """
    end_with_parent()
    obey_signals(stage)
    try:
        job = open_job(stage, script)
        if job is not None:
            build(job)
            job.wait_for_rank_0()
    except (ValueError, OSError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not is_no_memory(error):
            raise
        if "SMALTI_TRACEBACK" in os.environ:
            traceback.print_exc()
        print(f"error: {error_line(error)}", file=sys.stderr, flush=True)
        sys.exit(1)
