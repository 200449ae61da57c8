"""``python -m pipeline export``: what a recipe has trained, as folders for the library and for others."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from pipeline.commands import run_script
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti import Prior, Tokenizer
from smalti.config.prior_kinds import PRIOR_STAGES
from smalti.saving import TOKENIZER
from stages.results.recipe_results import RecipeResults
from stages.results.token_layouts import LAYOUTS

TOKENS = "tokens"


def export(results: RecipeResults, layout: str | None, folder: Path) -> list[str]:
    """Writes the tokenizer, by its last decoder, each published prior, with its sampler's settings, and, if a layout is
    named, all images as tokens; returns the names of the folders.

    Raises:
        ValueError: no tokenizer is published, or no tokens.
    """
    found = results.published()
    tokenizer = Tokenizer.load(results.result("decoder" if "decoder" in results.found else "tokenizer").path)
    tokenizer.save(folder / TOKENIZER)
    written = [TOKENIZER]
    for stage, kind in PRIOR_STAGES.items():
        if stage in found:
            Prior.load(found[stage].path, tokenizer).save(folder / kind.name)
            written.append(kind.name)
    if layout:
        (folder / TOKENS).mkdir()
        LAYOUTS[layout](results.result("token_shards"), folder / TOKENS)
        written.append(TOKENS)
    return written


def main(options: argparse.Namespace) -> int:
    """Writes the whole folder or nothing; returns exit code 0."""
    target: Path = options.to
    if target.exists():
        raise ValueError(f"--to {target}: exists; delete it, or name another folder")
    results = RecipeResults(Recipe(options.recipe, options.set), Store(options.runs))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        written = export(results, options.tokens, unfinished)
        unfinished.chmod(0o755)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    print("\n".join(str(target / name) for name in written))
    return 0


if __name__ == "__main__":
    sys.exit(run_script("export", main))
