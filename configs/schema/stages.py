"""All stages."""

from configs.schema.codebook import CodebookConfig
from configs.schema.data import DataConfig
from configs.schema.decoder import DecoderConfig
from configs.schema.priors import ArPriorConfig, NarPriorConfig
from configs.schema.report import ReportConfig
from configs.schema.samples import SamplesConfig
from configs.schema.scores import ScoresConfig
from configs.schema.token_shards import TokenShardsConfig
from configs.schema.tokenizer import TokenizerConfig

STAGES = {
    "data": DataConfig,
    "codebook": CodebookConfig,
    "tokenizer": TokenizerConfig,
    "decoder": DecoderConfig,
    "token_shards": TokenShardsConfig,
    "ar_prior": ArPriorConfig,
    "nar_prior": NarPriorConfig,
    "samples": SamplesConfig,
    "scores": ScoresConfig,
    "report": ReportConfig,
}


# Inputs of each stage: those it must have, and those it may have.
INPUTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "data": (frozenset(), frozenset()),
    "codebook": (frozenset({"data"}), frozenset()),
    "tokenizer": (frozenset({"data"}), frozenset({"codebook", "init_from"})),
    "decoder": (frozenset({"data", "tokenizer"}), frozenset({"init_from"})),
    "token_shards": (frozenset({"data", "tokenizer"}), frozenset()),
    "ar_prior": (frozenset({"token_shards", "tokenizer"}), frozenset()),
    "nar_prior": (frozenset({"token_shards", "tokenizer"}), frozenset()),
    "samples": (frozenset({"tokenizer"}), frozenset({"decoder", "ar_prior", "nar_prior"})),
    "scores": (frozenset({"data", "tokenizer"}), frozenset({"decoder", "samples", "token_shards"})),
    "report": (
        frozenset({"data", "tokenizer", "scores"}),
        frozenset({"codebook", "decoder", "token_shards", "ar_prior", "nar_prior", "samples"}),
    ),
}
