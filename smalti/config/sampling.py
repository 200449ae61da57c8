"""How priors are sampled."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.quantizer import BaseQuantizerConfig
from smalti.config.ranges import (
    AnyFloat,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    PositiveShare,
    Share,
)


@dataclass(frozen=True, kw_only=True)
class GuidanceConfig:
    """Classifier-free guidance (Ho & Salimans 2022) in one of the forms that papers and code use.

    c and u are the logits with and without the class, r the share of the steps that is done.
    """

    scale: tuple[AnyFloat, ...] = (1.0,)
    """Guidance scale s, or w, as ``parameter`` says: one number for all books, or one for each (each sub-token,
    where the prior splits tokens)."""
    parameter: Literal["s", "w"] = "s"
    """s: u + s (c - u), off at 1 (LlamaGen, FAR, DiT); w: (1 + w) c - w u, off at 0 (VAR, TiTok, MaskBit,
    Halton-MaskGIT)."""
    form: Literal["constant", "linear", "linear_unmasked", "power_cosine"] = "constant"
    """How s moves while sampling goes on: constant; linear 1 + (s - 1) r (TiTok); linear_unmasked the same with the
    share of known tokens for r (MAR); power_cosine 1 + (s - 1) (1 - cos(pi r^power)) / 2 (MDT, RAR)."""
    power: PositiveFloat = 1.0
    """Exponent of form power_cosine (RAR: 1.2 to 2.75)."""
    interval: tuple[Share, ...] = field(default=(0.0, 1.0), metadata={"hash": UNLESS_DEFAULT})
    """Between which two shares of the steps guidance is on, the second excluded (Kynkaanniemi et al. 2024); outside s
    is 1."""

    def __post_init__(self) -> None:
        if len(self.interval) != 2 or not self.interval[0] < self.interval[1]:
            raise ValueError(f"interval {list(self.interval)}: give two rising shares of the steps, such as [0.2, 0.8]")

    @property
    def active(self) -> bool:
        """Whether the unconditional model has to run at all.

        >>> GuidanceConfig(scale=(1.0,)).active, GuidanceConfig(scale=(1.0,), parameter="w").active
        (False, True)
        """
        return any(scale != (1 if self.parameter == "s" else 0) for scale in self.scale)


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """What the settings of all samplers have in common."""

    guidance: GuidanceConfig = field(default_factory=GuidanceConfig)
    """Classifier-free guidance; off by default."""

    def misfits_with(self, quantizer: BaseQuantizerConfig) -> Iterator[str]:
        """Yields what doesn't fit a tokenizer with this codebook, each with its remedy."""
        yield from ()

    def misfits(self, num_sub_tokens: int) -> Iterator[str]:
        """Yields what doesn't fit a prior that predicts so many numbers at a position, each with its remedy."""
        if len(self.guidance.scale) not in (1, num_sub_tokens):
            yield f"guidance.scale: give one number, or one for each of {num_sub_tokens} books or sub-tokens"

    @property
    def num_forwards(self) -> int:
        """How often the network sees all positions of an image, without guidance."""
        raise NotImplementedError

    @property
    def guided_forwards(self) -> int:
        """The same with guidance, which has it look twice; the cost of a sample."""
        return self.num_forwards * (2 if self.guidance.active else 1)


@dataclass(frozen=True, kw_only=True)
class ArSamplingConfig(SamplingConfig):
    """How the AR prior is sampled."""

    temperature: PositiveFloat = 1.0
    """Temperature that logits are divided by; for the most likely token alone use ``top_k`` 1."""
    temperatures: tuple[PositiveFloat, ...] = field(default=(), metadata={"hash": UNLESS_DEFAULT})
    """The same for each book or sub-token, in place of ``temperature`` (Open-MAGVIT2-L: 1.1 and 1)."""
    top_k: NonNegativeInt = 0
    """Codes that may be drawn, the most likely ones; 0: all."""
    top_k_share: PositiveShare | None = None
    """The same as a share of the codes, in place of ``top_k`` (VQGAN-LC: 0.1)."""
    top_p: PositiveShare = 1.0
    """Probability that the most likely codes reach together, beyond which none is drawn; 1: all (SeQ-GAN Table 10:
    0.92 on ImageNet, 0.98 elsewhere)."""

    @property
    def num_forwards(self) -> int:
        """One: with key-value caches each position passes once."""
        return 1

    def misfits(self, num_sub_tokens: int) -> Iterator[str]:
        yield from super().misfits(num_sub_tokens)
        if len(self.temperatures) not in (0, num_sub_tokens):
            yield f"temperatures: give one for each of {num_sub_tokens} books or sub-tokens, or temperature for all"

    def __post_init__(self) -> None:
        if self.temperatures and self.temperature != 1:
            raise ValueError(
                f"temperature {self.temperature} and temperatures {list(self.temperatures)}: give one of them"
            )
        if self.top_k and self.top_k_share is not None:
            raise ValueError(f"top_k {self.top_k} and top_k_share {self.top_k_share}: give one of them")


@dataclass(frozen=True, kw_only=True)
class NarSamplingConfig(SamplingConfig):
    """How the NAR prior is decoded (MaskGIT section 3.3)."""

    steps: PositiveInt = 12
    """Forward passes an image, in which all tokens are filled in."""
    token_temperature: PositiveFloat = 1.0
    """Temperature that logits are divided by before tokens are drawn."""
    choice_temperature: NonNegativeFloat = 4.5
    """Scale of the Gumbel noise on the confidence by which tokens are kept; falls linearly to 0 (MaskGIT: 4.5 on log
    probabilities; SeQ-GAN Table 10: 0.45 on ImageNet, 0.65 elsewhere, read as on probabilities)."""
    choice_space: Literal["log_probability", "probability"] = "log_probability"
    """What the noise is added to."""
    schedule: Literal["cosine", "arccos"] = "cosine"
    """Share of tokens still masked after a share r of the steps: cos(pi r / 2) (MaskGIT), or arccos(r) / (pi / 2)."""

    @property
    def num_forwards(self) -> int:
        """One for each step."""
        return self.steps
