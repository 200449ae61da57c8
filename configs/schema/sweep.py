"""Config of stage sweep."""

import itertools
from dataclasses import dataclass, field, make_dataclass
from typing import Any, ClassVar, Literal

from configs.schema.generation import GenerationConfig
from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.dotted_settings import with_setting
from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.prior_kinds import PRIOR_KINDS, PRIOR_STAGES, PriorKind
from smalti.config.ranges import AnyInt, PositiveInt
from smalti.config.sampling import SamplingConfig

SEED = 100_000  # far from those that anybody gives stage samples


@dataclass(frozen=True, kw_only=True)
class VaryConfig:
    """One setting of a sampler, and the values that are tried for it, beside the one that it has."""

    setting: str
    """Its name, dotted where it lies deeper: temperature, guidance.scale, method.eta."""
    values: tuple[Any, ...]
    """Values to try. Where the setting is a list, a value alone is a list of one."""


@dataclass(frozen=True, kw_only=True)
class PriorSweepConfig:
    """How the settings of one kind of prior are searched: one after the other, the best of each kept."""

    start: SamplingConfig
    """The settings that the search starts from."""
    vary: tuple[VaryConfig, ...]
    """Which settings are varied, in this order."""

    def __post_init__(self) -> None:
        if not self.vary:
            raise ValueError("vary: name at least one setting, such as {setting: guidance.scale, values: [1, 2, 4]}")
        for one, other in itertools.permutations(self.vary, 2):
            if f"{one.setting}.".startswith(f"{other.setting}."):
                raise ValueError(f"vary: {one.setting} and {other.setting}: of these list one, with all its values")
        for number, axis in enumerate(self.vary):
            if not axis.values:
                raise ValueError(f"vary[{number}].values: give at least one for {axis.setting}")
            for settings in self.line(self.start, number):
                for later in range(number + 1, len(self.vary)):
                    self.line(settings, later)  # which says what can't go together

    def line(self, settings: SamplingConfig, number: int) -> list[SamplingConfig]:
        """Returns the settings, and what they become by each value of the setting of this number in ``vary``, each
        once.

        Raises:
            ValueError: a setting that this sampler doesn't have, or a value that it can't have.
        """
        axis = self.vary[number]
        made = [with_setting(settings, axis.setting, value, f"vary[{number}]") for value in axis.values]
        return list(dict.fromkeys([settings, *made]))

    def around_start(self) -> list[SamplingConfig]:
        """Returns ``start`` and all that differ from it in one setting, each once."""
        lines = [self.line(self.start, number) for number in range(len(self.vary))]
        return list(dict.fromkeys(itertools.chain.from_iterable(lines)))

    def max_candidates(self, passes: int) -> int:
        """Returns how many candidates are drawn at most: in each line one is known already, but for the first."""
        return 1 + passes * sum(len(self.line(self.start, number)) - 1 for number in range(len(self.vary)))


def _block(kind: PriorKind) -> type[PriorSweepConfig]:
    """Returns the class of a kind's block, whose ``start`` is of its sampler's settings."""
    text = "The settings that the search starts from; the sampler's defaults where none are given."
    start = field(default_factory=kind.sampling_config, metadata={"text": text})
    name = f"{kind.name.capitalize()}SweepConfig"
    doc = f"How the settings of the {kind.title} are searched: one after the other, the best of each kept."
    return make_dataclass(
        name, [("start", kind.sampling_config, start)], bases=(PriorSweepConfig,), namespace={"__doc__": doc},
        frozen=True, kw_only=True,
    )  # fmt: skip


def _metadata(kind: PriorKind) -> dict[str, str]:
    return {"hash": UNLESS_DEFAULT, "text": f"What is tried of the {kind.title}; null where stage sweep has none."}


# A block for each kind of prior, absent from the key where it is absent, as those of stage samples are.
SweepBlocks: Any = make_dataclass(
    "SweepBlocks",
    [(kind.name, _block(kind) | None, field(default=None, metadata=_metadata(kind))) for kind in PRIOR_KINDS.values()],
    frozen=True,
    kw_only=True,
)


@dataclass(frozen=True, kw_only=True)
class SweepConfig(SweepBlocks, GenerationConfig):
    """Stage sweep: the sampler's settings by which each prior comes closest to real images.

    From ``start`` on, one setting after the other is varied, and its best value kept (coordinate search). Each
    candidate is as many samples as ``num_samples`` says, of balanced labels, by the last decoder, with the same noise.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="sweep", version=1, needs=("data", "tokenizer"),
        takes=("decoder", *PRIOR_STAGES), resumes=True, one_process=False, curves=None,
    )  # fmt: skip
    num_samples: PositiveInt
    """Images of each candidate; at least twice as many as the channels of ``generation_tap``."""
    budget: PositiveInt
    """Images drawn from each prior at most. A search that might need more is refused before it starts."""
    passes: PositiveInt = 1
    """How often the settings are gone through, for those that depend on each other; a pass that changes nothing is the
    last."""
    seed: AnyInt = SEED
    """Seed of the noise; another one than that of stage samples, which would else be drawn again from the noise that
    the choice was made on."""
    precision: Literal["32-true", "bf16-true"] = "32-true"
    """bf16-true keeps the priors' weights in bfloat16: half the memory to read for each token."""
    batch_size: PositiveInt = 64
    """Images at once on each device."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""

    def __post_init__(self) -> None:
        for name, block in self.searches().items():
            candidates = block.max_candidates(self.passes)
            if candidates * self.num_samples > self.budget:
                raise ValueError(
                    f"budget {self.budget}: {name} asks for up to {candidates} candidates of {self.num_samples} "
                    f"samples, {candidates * self.num_samples} in all; allow as many, or try fewer values"
                )

    def searches(self) -> dict[str, PriorSweepConfig]:
        """Returns what is tried of each prior, by the name of its kind."""
        blocks = {name: getattr(self, name) for name in PRIOR_KINDS}
        return {name: block for name, block in blocks.items() if block is not None}
