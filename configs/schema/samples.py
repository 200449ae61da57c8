"""Config of stage samples."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from smalti.config.ranges import AnyInt, PositiveInt
from smalti.config.sampling import ArSamplingConfig, NarSamplingConfig


@dataclass(frozen=True, kw_only=True)
class SamplesConfig:
    """Stage samples: images from both priors, labels balanced, sample i a function of (seed, i)."""

    VERSION: ClassVar[int] = 2
    ar: ArSamplingConfig
    """How the autoregressive prior is sampled."""
    nar: NarSamplingConfig
    """How the masked prior is sampled."""
    num_samples: PositiveInt
    """Images from each prior (ADM's protocol: 50,000)."""
    seed: AnyInt = 0
    """Seed of the noise; sample i depends on it and on i alone."""
    precision: Literal["32-true", "bf16-true"] = "32-true"
    """bf16-true keeps the priors' weights in bfloat16: half the memory to read for each token."""
    rows_per_shard: PositiveInt = 5000
    """Images in a file."""
    batch_size: PositiveInt = 64
    """Images at once on each device."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""
