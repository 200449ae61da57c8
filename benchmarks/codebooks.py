"""Codebooks of several kinds and sizes at equal training on the embedded images, as one table.

    python -m benchmarks.codebooks --codes 1024 4096 16384 --runs runs --write docs/results/codebooks.md

Each row is a recipe of configs/small with another number of codes; only the codebook differs. ``uniform`` is the share
of codes that as many uniform draws as there are train tokens would hit.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

from pipeline.artifact import Store
from pipeline.graph import Recipe

PROJECT = Path(__file__).resolve().parents[1]
METHODS = {"VQ": "vqgan", "FC": "vqgan_fc", "FC + L2": "vqgan_fc_l2", "EMA": "vqgan_ema", "LC": "vqgan_lc"}
STAGES = """stages:
  data:
{codebook}  tokenizer: {{data: data{given}}}
  token_shards: {{data: data, tokenizer: tokenizer}}
  ar_prior: {{token_shards: token_shards, tokenizer: tokenizer}}
  scores: {{data: data, tokenizer: tokenizer, token_shards: token_shards}}
"""


def write_recipe(folder: Path, method: str, changes: list[str]) -> Path:
    """Writes a recipe that is ``configs/small/method`` without samples and report, changed; returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    projected = method == "vqgan_lc"
    stages = STAGES.format(
        codebook="  codebook: {data: data}\n" if projected else "", given=", codebook: codebook" if projected else ""
    )
    lines = "".join(f"  - {json.dumps(change)}\n" for change in changes)
    (folder / "pipeline.yaml").write_text(f"base: {PROJECT / 'configs' / 'small' / method}\n{stages}set:\n{lines}")
    return folder


def figures(recipe: Path, runs: Path) -> dict[str, float]:
    """Returns what one row shows, from the published results."""
    found = {stage: status.artifact for stage, status in Recipe(recipe).status(Store(runs)).items()}
    shards, prior, scores = (found[name] for name in ("token_shards", "ar_prior", "scores"))
    assert shards is not None and prior is not None and scores is not None
    tokens, codes = shards.facts["num_train"] * shards.facts["num_tokens"], shards.facts["num_codes"]
    phase1 = scores.facts["reconstruction"]["phase1"]
    return {
        "usage": shards.facts["train_usage"], "uniform": 1 - (1 - 1 / codes) ** tokens,
        "perplexity": shards.facts["train_perplexity"], "psnr": phase1["psnr"], "frechet": phase1["frechet"],
        "bits": prior.facts["val_loss_nats"] / math.log(2) * shards.facts["num_tokens"] * shards.facts["num_books"],
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--codes", type=int, nargs="+", default=[1024, 4096, 16_384])
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--set", action="append", default=[], help="a change of every row's recipe")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--write", type=Path)
    words = parser.parse_args()
    lines = [
        "| codebook | K | train usage | uniform | perplexity | PSNR, dB | fd_efficientnet_lite2 | prior, bits/image |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for num_codes in words.codes:
        for name in words.methods:
            target = "codebook.num_codes" if name == "LC" else "tokenizer.quantizer.num_codes"
            changes = [*words.set, f"{target}={num_codes}"]
            recipe = write_recipe(words.runs / "recipes" / f"{METHODS[name]}-{num_codes}", METHODS[name], changes)
            command = [sys.executable, "-m", "pipeline", "run", str(recipe), "--runs", str(words.runs)]
            subprocess.run(command, check=True, cwd=PROJECT)
            row = figures(recipe, words.runs)
            lines.append(
                f"| {name} | {num_codes} | {row['usage']:.1%} | {row['uniform']:.1%} | {row['perplexity']:.0f} | "
                f"{row['psnr']:.2f} | {row['frechet']:.0f} | {row['bits']:.0f} |"
            )
            text = "\n".join(lines) + "\n"
            print(text, flush=True)
            if words.write:
                words.write.parent.mkdir(parents=True, exist_ok=True)
                words.write.write_text(f"# Codebooks at equal training\n\n`{' '.join(sys.argv[1:])}`\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
