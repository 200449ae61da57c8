"""Config of stage samples."""

from dataclasses import dataclass, field, make_dataclass
from typing import Any, ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.prior_kinds import PRIOR_KINDS, PRIOR_STAGES, PriorKind
from smalti.config.ranges import AnyInt, PositiveInt
from smalti.config.sampling import SamplingConfig

AUTO = "auto"  # in place of a block of settings


def _metadata(kind: PriorKind) -> dict[str, str]:
    text = f"How the {kind.title} is sampled; auto: as stage sweep chose; null where stage samples has none."
    return {"hash": UNLESS_DEFAULT, "text": text}


# A block for each kind of prior. One that the recipe doesn't sample is absent, and then no part of the key: a new kind
# of prior changes no key of a recipe without it.
PriorBlocks: Any = make_dataclass(
    "PriorBlocks",
    [
        (kind.name, kind.sampling_config | Literal["auto"] | None, field(default=None, metadata=_metadata(kind)))
        for kind in PRIOR_KINDS.values()
    ],
    frozen=True,
    kw_only=True,
)


@dataclass(frozen=True, kw_only=True)
class SamplesConfig(PriorBlocks):
    """Stage samples: images of each prior with their tokens, labels balanced, or those that ``labels`` names.

    Sample i is a function of (seed, i) alone.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="samples", version=4, needs=("tokenizer",),
        takes=("decoder", *PRIOR_STAGES, "sweep"), resumes=True, one_process=False, curves=None,
    )  # fmt: skip
    num_samples: PositiveInt
    """Images from each prior (ADM's protocol: 50,000)."""
    labels: tuple[str, ...] = field(default=(), metadata={"hash": UNLESS_DEFAULT})
    """Classes to draw, by name, in turn: with 2 of them sample 2 is of the first again. Empty: all classes."""
    seed: AnyInt = 0
    """Seed of the noise; sample i depends on it, on i and on its label alone."""
    precision: Literal["32-true", "bf16-true"] = "32-true"
    """bf16-true keeps the priors' weights in bfloat16: half the memory to read for each token."""
    npz: bool = field(default=False, metadata={"hash": UNLESS_DEFAULT})
    """Whether an npz of each prior and decoder is published too, as ADM's evaluator reads it: shuffled."""
    rows_per_shard: PositiveInt = 5000
    """Images in a file."""
    batch_size: PositiveInt = 64
    """Images at once on each device."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""

    def settings(self) -> dict[str, SamplingConfig]:
        """Returns how each prior is sampled of which the recipe says it, by the name of its kind."""
        return {name: block for name, block in self._blocks().items() if block != AUTO}

    def chosen(self) -> list[str]:
        """Returns the kinds of which stage sweep chooses the settings."""
        return [name for name, block in self._blocks().items() if block == AUTO]

    def _blocks(self) -> dict[str, Any]:
        blocks = {name: getattr(self, name) for name in PRIOR_KINDS}
        return {name: block for name, block in blocks.items() if block is not None}
