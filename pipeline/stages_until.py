"""Which stages of a recipe one of them needs."""

from pipeline.graph import Recipe


def stages_until(recipe: Recipe, last: str) -> list[str]:
    """Returns the stages that stage ``last`` needs and itself, in order."""
    needed, pending = set(), [last]
    while pending:
        stage = pending.pop()
        needed.add(stage)
        pending += [name for name in recipe.nodes[stage].inputs.values() if name in recipe.nodes]
    return [stage for stage in recipe.nodes if stage in needed]
