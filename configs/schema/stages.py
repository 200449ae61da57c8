"""All stages, in the order in which they run: a stage is declared by its config class, and listed here."""

from typing import Any

from configs.schema.codebook import CodebookConfig
from configs.schema.data import DataConfig
from configs.schema.decoder import DecoderConfig
from configs.schema.priors import ArPriorConfig, NarPriorConfig
from configs.schema.report import ReportConfig
from configs.schema.samples import SamplesConfig
from configs.schema.scores import ScoresConfig
from configs.schema.stage import Stage
from configs.schema.token_shards import TokenShardsConfig
from configs.schema.tokenizer import TokenizerConfig

STAGES: dict[str, type[Any]] = {
    config.STAGE.name: config
    for config in (
        DataConfig,
        CodebookConfig,
        TokenizerConfig,
        DecoderConfig,
        TokenShardsConfig,
        ArPriorConfig,
        NarPriorConfig,
        SamplesConfig,
        ScoresConfig,
        ReportConfig,
    )
}


def stage_of(name: str) -> Stage:
    """Returns the declaration of a stage."""
    declaration = STAGES[name].STAGE
    assert isinstance(declaration, Stage)
    return declaration
