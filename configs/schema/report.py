"""Config of stage report."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.prior_kinds import PRIOR_STAGES
from smalti.config.ranges import PositiveInt


@dataclass(frozen=True, kw_only=True)
class ReportConfig:
    """Stage report: one HTML file."""

    STAGE: ClassVar[Stage] = Stage(
        name="report", version=4, needs=("data", "tokenizer", "scores"),
        takes=("codebook", "decoder", "token_shards", *PRIOR_STAGES, "classifier", "sweep", "samples", "views"),
        resumes=False, one_process=True, curves=None,
    )  # fmt: skip
    title: str
    """Heading of the page."""
    samples_per_class: PositiveInt = 8
    """Samples of each class that are shown, for each prior and decoder."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""
