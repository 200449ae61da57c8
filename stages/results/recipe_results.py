"""The published results of recipes, for commands that look at several."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact


class RecipeResults:
    """The results of a recipe, looked up once."""

    def __init__(self, recipe: Recipe, store: Store) -> None:
        self.recipe, self.file, self.found = recipe, recipe.file, recipe.status(store)

    def result(self, stage: str) -> Artifact:
        """Returns the result of a stage; ValueError if it isn't published."""
        if stage not in self.found:
            raise ValueError(f"{self.file}: has no stage {stage}, whose result is needed")
        artifact = self.found[stage].artifact
        if artifact is None:
            raise ValueError(f"{self.file}: {stage} isn't published; run: python -m pipeline run {self.file.parent}")
        return artifact

    def samples(self) -> Artifact | None:
        """Returns the samples of a recipe, if it draws any."""
        return self.result("samples") if "samples" in self.found else None

    def published(self) -> dict[str, Artifact]:
        """Returns what is published, by stage."""
        return {stage: status.artifact for stage, status in self.found.items() if status.artifact}


def names_of(recipes: Sequence[Path]) -> list[str]:
    """Returns a short name for each recipe: its folder's, with as many folders above as tell it from the others."""
    parts = [recipe.resolve().parts for recipe in recipes]
    depth = 1
    while len({part[-depth:] for part in parts}) < len(set(parts)):
        depth += 1
    return ["/".join(part[-depth:]) for part in parts]
