"""The YAML of a claim of the papers, ``configs/claims/CLAIM.yaml``: what is trained to try it, and what is expected."""

from dataclasses import dataclass, field
from typing import Literal

from configs.schema.rows import Changes
from smalti.config.parsing import unknown
from smalti.config.ranges import AnyFloat, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


@dataclass(frozen=True, kw_only=True)
class ClaimFigureConfig:
    """A figure that the variants of a claim are compared by."""

    at: str
    """Where it stands: ``STAGE:name.name`` among the facts of the stage's result. ``{decoder}`` and ``{prior}`` in it
    are those of the variant."""
    percent: bool = False
    """Whether it is a share, which is shown in per cent."""
    decimals: NonNegativeInt = 2
    """Decimals that are shown, of the percentage where it is one."""
    better: Literal["lower", "higher"] | None = None
    """Which way is better; null: neither is."""

    def __post_init__(self) -> None:
        stage, _, path = self.at.partition(":")
        if not stage or not path:
            raise ValueError(f"at {self.at!r}: expected STAGE:name.name, such as scores:reconstruction.phase1.psnr")


@dataclass(frozen=True, kw_only=True)
class VariantConfig:
    """What is trained for one line of a claim's table, and what the paper prints for it."""

    recipe: str = ""
    """Folder of the recipe below configs/, or, beginning with a dot, from the claim's folder; empty: the claim's."""
    uses: tuple[str, ...] = ()
    """Names of the claim's shared changes, in the order in which they are made."""
    set: Changes = field(default_factory=dict)
    """Changes of this variant alone, made after the shared ones."""
    decoder: Literal["phase1", "phase2"] = "phase1"
    """Decoder whose images are measured, where there are two."""
    prior: Literal["ar", "nar", "ldm", "dit", "sit"] = "ar"
    """Prior whose samples are measured, where there are several."""
    seeds: PositiveInt | None = None
    """Trainings with a seed each; null: as many as the claim says."""
    only_full: bool = False
    """Whether it is trained with FULL=1 alone."""
    seconds: dict[str, NonNegativeFloat] = field(default_factory=dict)
    """Estimated seconds on 2 cores of stages that take longer or shorter here than the claim says."""
    paper: dict[str, float] = field(default_factory=dict)
    """What the paper prints for it, by the paper's names."""


@dataclass(frozen=True, kw_only=True)
class ExpectationConfig:
    """A comparison of two variants that the claim comes to."""

    figure: str
    """The claim's figure that is compared."""
    larger: str
    """The variant in which it is to be larger,"""
    smaller: str
    """and the one in which it is to be smaller."""
    paired: bool = False
    """Whether the two differ in nothing but what is compared, seed by seed: then, with 2 seeds at least, their
    differences are judged by the differences' own spread."""
    margin: AnyFloat = 0.0
    """By how much at least. Negative where the claim is that something is kept: so much may be lost."""


@dataclass(frozen=True, kw_only=True)
class ClaimConfig:
    """A claim: in words, as printed, and as comparisons between trainings."""

    order: PositiveInt
    """Its place among the claims, which are tried one after another."""
    claim: str
    """The claim, in a sentence."""
    printed: str
    """Paper, table or figure, and on which data."""
    recipe: str
    """Folder of the variants' recipe below configs/, or, beginning with a dot, from the claim's folder."""
    shared: dict[str, Changes] = field(default_factory=dict)
    """Changes that several variants use, by name."""
    seeds: PositiveInt = 1
    """Trainings of each variant with a seed each."""
    seeded: tuple[str, ...] = ()
    """Stages whose seeds vary, where a recipe has them; empty: all but data, whose split stays as it is."""
    seconds: dict[str, NonNegativeFloat] = field(default_factory=dict)
    """Estimated seconds on 2 cores of stages that take longer or shorter here than lengths.yaml says."""
    reference: str
    """The variant whose spread over its seeds stands for that of variants with one seed."""
    figures: dict[str, ClaimFigureConfig]
    """Figures by the names of the table's columns."""
    variants: dict[str, VariantConfig]
    """Variants by name, in the order of the table."""
    expected: tuple[ExpectationConfig, ...]
    """Comparisons, all of which the claim needs."""
    why: str
    """What differs from the paper, and what may explain the outcome."""

    def __post_init__(self) -> None:
        if self.reference not in self.variants:
            raise ValueError(f"reference: {unknown('variant', self.reference, list(self.variants))}")
        reference = self.variants[self.reference]
        if (reference.seeds or self.seeds) < 2 or reference.only_full:
            raise ValueError(f"reference {self.reference!r}: give it 2 seeds at least, whose spread can be measured")
        if not self.expected:
            raise ValueError("expected: empty; a claim comes to at least one comparison")
        for number, item in enumerate(self.expected):
            if item.figure not in self.figures:
                raise ValueError(f"expected[{number}].figure: {unknown('figure', item.figure, list(self.figures))}")
            for name in (item.larger, item.smaller):
                if name not in self.variants:
                    raise ValueError(f"expected[{number}]: {unknown('variant', name, list(self.variants))}")
        for name, variant in self.variants.items():
            for use in variant.uses:
                if use not in self.shared:
                    raise ValueError(f"variants.{name}.uses: {unknown('name', use, list(self.shared))}")

    def seeds_of(self, variant: str) -> int:
        """Returns how many trainings a variant has."""
        return self.variants[variant].seeds or self.seeds


@dataclass(frozen=True, kw_only=True)
class FullConfig:
    """What FULL=1 changes in every claim."""

    seeds: PositiveInt
    """Trainings of each variant, at least."""
    longer: PositiveFloat
    """How many times as long trainings take about, by which the estimates are multiplied."""
    set: Changes
    """Changes of every variant, made last; those of stages that a recipe hasn't are left out."""


@dataclass(frozen=True, kw_only=True)
class LengthsConfig:
    """``lengths.yaml`` beside the claims: how long their stages take, and how much longer FULL=1 makes them."""

    seconds: dict[str, NonNegativeFloat]
    """Estimated seconds of each stage on 2 idle cores; ``start`` is what each run of the runner takes to begin."""
    full: FullConfig
    """What FULL=1 changes."""
