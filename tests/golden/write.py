"""Writes the regression curves anew from a published smoke run: ``python tests/golden/write.py RUNS``.

Whoever does so raises the VERSION of the stages that changed, or says in the commit why not.
"""

import sys
from pathlib import Path

import torch

from pipeline.graph import Recipe
from pipeline.store import Store

HERE = Path(__file__).resolve().parent


def main() -> None:
    found = Recipe(HERE.parents[1] / "configs" / "smoke").status(Store(Path(sys.argv[1])))
    for stage in [name for name, status in found.items() if status.node.config.STAGE.trains]:
        artifact = found[stage].artifact
        assert artifact, f"{stage} isn't published in {sys.argv[1]}"
        curves = artifact.file("curves.csv").read_text()
        (HERE / f"{stage}.csv").write_text(f"# torch {torch.__version__}, configs/smoke\n{curves}")


if __name__ == "__main__":
    main()
