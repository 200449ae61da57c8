"""All stages, in the order in which they run."""

from typing import Any

from configs.schema.stage import Stage
from smalti.config.names import load_name
from smalti.config.prior_kinds import PRIOR_STAGES


def config_class(stage: str) -> type[Any]:
    """Returns the class that declares a stage, by its name: that of token_shards is TokenShardsConfig in
    ``configs/schema/token_shards.py``."""
    name = "".join(word.capitalize() for word in stage.split("_"))
    found: type[Any] = load_name(f"configs.schema.{stage}:{name}Config")
    return found


STAGES = {
    stage: config_class(stage)
    for stage in (
        "data",
        "codebook",
        "tokenizer",
        "decoder",
        "token_shards",
        "latent_shards",
        *PRIOR_STAGES,
        "classifier",
        "sweep",
        "samples",
        "scores",
        "views",
        "report",
    )
}


def stage_of(name: str) -> Stage:
    """Returns the declaration of a stage."""
    declaration = STAGES[name].STAGE
    assert isinstance(declaration, Stage)
    return declaration
