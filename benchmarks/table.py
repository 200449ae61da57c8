"""A table whose rows are recipes: each is run, several at once if asked for, and its published figures are read."""

import argparse
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact

PROJECT = Path(__file__).resolve().parents[1]
STAGES = """stages:
  data:
{codebook}  tokenizer: {{data: data{given}}}
  token_shards: {{data: data, tokenizer: tokenizer}}
  ar_prior: {{token_shards: token_shards, tokenizer: tokenizer}}
  scores: {{data: data, tokenizer: tokenizer, token_shards: token_shards}}
"""


@dataclass(frozen=True)
class Row:
    """``method`` of configs/small without samples and report, with ``changes``; ``labels`` are its first columns."""

    labels: tuple[str, ...]
    method: str
    changes: tuple[str, ...]

    def write(self, folder: Path) -> Path:
        """Writes the recipe; returns its folder."""
        folder.mkdir(parents=True, exist_ok=True)
        projected = self.method == "vqgan_lc"
        stages = STAGES.format(
            codebook="  codebook: {data: data}\n" if projected else "",
            given=", codebook: codebook" if projected else "",
        )
        lines = "".join(f"  - {json.dumps(change)}\n" for change in self.changes)
        base = PROJECT / "configs" / "small" / self.method
        (folder / "pipeline.yaml").write_text(f"base: {base}\n{stages}set:\n{lines or '  []'}")
        return folder


Published = Mapping[str, Artifact]
Line = Callable[[Row, Published], str]


def published(recipe: Path, runs: Path) -> Published:
    """Returns the published stages of a recipe."""
    found = Recipe(recipe).status(Store(runs))
    return {stage: status.artifact for stage, status in found.items() if status.artifact}


def figures(found: Published) -> dict[str, float]:
    """Returns what a row shows. ``uniform`` is the share of codes that as many uniform draws as there are train tokens
    would hit; ``bits`` are the prior's for an image and for a position, all books together."""
    shards, prior = found["token_shards"].facts, found["ar_prior"].facts
    phase1 = found["scores"].facts["reconstruction"]["phase1"]
    position = prior["val_loss_nats"] / math.log(2) * shards["num_books"]
    return {
        "usage": shards["train_usage"],
        "uniform": 1 - (1 - 1 / shards["num_codes"]) ** (shards["num_train"] * shards["num_tokens"]),
        "perplexity": shards["train_perplexity"], "psnr": phase1["psnr"], "frechet": phase1["frechet"],
        "bits_position": position, "bits_image": position * shards["num_tokens"],
        "seconds": sum(artifact.manifest["made_by"]["seconds"] for artifact in found.values()),
    }  # fmt: skip


def options() -> argparse.ArgumentParser:
    """Returns the options of every table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--set", action="append", default=[], help="a change of every row's recipe")
    parser.add_argument("--parallel", type=int, default=1, help="rows at once, each with its share of the cores")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--write", type=Path)
    return parser


def make_table(rows: Sequence[Row], words: argparse.Namespace, title: str, head: str, line: Line, note: str) -> None:
    """Runs every row, and prints and writes the table of the finished ones each time; ``line`` gives a row's text, and
    ``note`` says below what the rows don't show.

    Rows that differ in the prior alone run one after another, since they share a tokenizer.
    """
    runs: Path = words.runs
    folders = {row: row.write(runs / "recipes" / f"{row.method}-{i}") for i, row in enumerate(rows)}
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // words.parallel))}
    done, alone = set[Row](), threading.Lock()

    def run(folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "pipeline", "run", str(folder), "--runs", str(runs), *arguments]
        subprocess.run(command, check=True, cwd=PROJECT, env=environment)

    def run_chain(chain: list[Row]) -> None:
        for row in chain:
            run(folders[row])
            with alone:
                done.add(row)
                show()

    def show() -> None:
        lines = [head, "|---" * (head.count("|") - 1) + "|"]
        text = "\n".join([*lines, *(line(row, published(folders[row], runs)) for row in rows if row in done)]) + "\n"
        print(text, flush=True)
        if words.write:
            words.write.parent.mkdir(parents=True, exist_ok=True)
            command = f"python -m benchmarks.{Path(sys.argv[0]).stem} {' '.join(sys.argv[1:])}"
            words.write.write_text(f"# {title}\n\n`{command}`\n\n{text}\n{note}")

    chains: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        shared = [change for change in row.changes if not change.startswith("ar_prior.")]
        chains.setdefault((row.method, *shared), []).append(row)
    run(folders[rows[0]], "--until", "data")  # which all share
    with ThreadPoolExecutor(words.parallel) as pool:
        for future in as_completed([pool.submit(run_chain, chain) for chain in chains.values()]):
            future.result()
