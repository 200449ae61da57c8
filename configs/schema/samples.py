"""Config of stage samples."""

from dataclasses import dataclass, field, make_dataclass
from typing import Any, ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.prior_kinds import PRIOR_KINDS, PRIOR_STAGES
from smalti.config.sampling import SamplingConfig

# A block for each kind of prior. One that the recipe doesn't sample is absent, and then no part of the key: a new kind
# of prior changes no key of a recipe without it.
PriorBlocks: Any = make_dataclass(
    "PriorBlocks",
    [
        (kind.name, kind.sampling_config | None, field(default=None, metadata={"hash": "unless absent"}))
        for kind in PRIOR_KINDS.values()
    ],
    frozen=True,
    kw_only=True,
)


@dataclass(frozen=True, kw_only=True)
class SamplesConfig(PriorBlocks):
    """Stage samples: images from each prior, labels balanced, sample i a function of (seed, i).

    ``precision`` bf16-true keeps the priors' weights in bfloat16: half the memory to read for each token.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="samples", version=2, needs=("tokenizer",),
        takes=("decoder", *PRIOR_STAGES), resumes=True, one_process=False, curves=None,
    )  # fmt: skip
    num_samples: int
    seed: int = 0
    precision: Literal["32-true", "bf16-true"] = "32-true"
    rows_per_shard: int = 5000
    batch_size: int = 64
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)

    def settings(self) -> dict[str, SamplingConfig]:
        """Returns how each prior is sampled, by the name of its kind."""
        blocks = {name: getattr(self, name) for name in PRIOR_KINDS}
        return {name: block for name, block in blocks.items() if block is not None}
