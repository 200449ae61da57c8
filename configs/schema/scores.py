"""Config of stage scores."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.features import FeatureNetworkConfig
from smalti.config.losses import LpipsConfig


@dataclass(frozen=True, kw_only=True)
class ScoresConfig:
    """Stage scores. ``judge`` must not occur in a loss or the codebook of the same run.

    A tap's channels are averaged over its positions; the Frechet distance needs at least twice as many images as
    channels, so a small val set wants a narrow tap. Over the tap pooled of kind inception it is FID.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="scores", version=2, needs=("data", "tokenizer"),
        takes=("decoder", "samples", "token_shards"), resumes=False, one_process=False, curves=None,
    )  # fmt: skip
    judge: FeatureNetworkConfig
    reconstruction_tap: str
    generation_tap: str
    classifier_tap: str = "pooled"
    reference_images: int | None = None  # train images that generation is compared with, a seeded choice; null: all
    classifier_images: int = 20_000  # of them, those that the class judge is fitted to, at most
    num_pictures: int = 16  # val images that the report shows
    lpips: LpipsConfig | None = None  # null: LPIPS is absent from the scores
    batch_size: int = field(default=64, metadata=RUNTIME)
    max_unreadable: float = 0.001
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
