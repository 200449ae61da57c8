"""Config of stage samples."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from smalti.config.sampling import ArSamplingConfig, NarSamplingConfig


@dataclass(frozen=True, kw_only=True)
class SamplesConfig:
    """Stage samples: images from both priors, labels balanced, sample i a function of (seed, i).

    ``precision`` bf16-true keeps the priors' weights in bfloat16: half the memory to read for each token.
    """

    VERSION: ClassVar[int] = 2
    ar: ArSamplingConfig
    nar: NarSamplingConfig
    num_samples: int
    seed: int = 0
    precision: Literal["32-true", "bf16-true"] = "32-true"
    rows_per_shard: int = 5000
    batch_size: int = 64
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
