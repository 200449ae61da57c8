"""The recipes that come with the program."""

import difflib
from pathlib import Path

from pipeline.process import PROJECT

CONFIGS = PROJECT / "configs"


def known_recipes() -> list[str]:
    """Returns the folders below ``configs`` that are recipes, relative to it."""
    return [str(found.parent.relative_to(CONFIGS)) for found in sorted(CONFIGS.rglob("pipeline.yaml"))]


def nearest(folder: Path) -> str:
    """Returns which recipe somebody may have meant who named a ``folder`` that is none, in words."""
    written = str(folder).removeprefix(f"{PROJECT}/").removeprefix("configs/")
    near = difflib.get_close_matches(written, known_recipes(), n=1)
    return f"did you mean configs/{near[0]}?" if near else "the default is configs/quickstart"
