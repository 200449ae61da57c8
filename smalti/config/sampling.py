"""How priors are sampled."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class GuidanceConfig:
    """Classifier-free guidance in one of the forms that papers and code use.

    ``parameter``: ``s`` is u + s (c - u), off at 1 (LlamaGen, FAR, DiT); ``w`` is (1 + w) c - w u, off at 0 (VAR,
    TiTok, MaskBit, Halton-MaskGIT). ``scale`` is that number: one for all books, or one each. ``form`` says how s
    moves with the share r of the steps that is done: ``constant``; ``linear`` 1 + (s - 1) r (TiTok);
    ``linear_unmasked`` the same with the share of known tokens in r's place (MAR); ``power_cosine``
    1 + (s - 1) (1 - cos(pi r^power)) / 2 (MDT, RAR).
    """

    scale: tuple[float, ...] = (1.0,)
    parameter: Literal["s", "w"] = "s"
    form: Literal["constant", "linear", "linear_unmasked", "power_cosine"] = "constant"
    power: float = 1.0

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

    @property
    def num_forwards(self) -> int:
        """How often the network sees all positions of an image, without guidance; the cost of a sample."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class ArSamplingConfig(SamplingConfig):
    """How the AR prior is sampled. ``top_k_share`` is top-k as a share of the codes (VQGAN-LC: 0.1)."""

    temperature: float = 1.0
    top_k: int = 0
    top_k_share: float | None = None
    top_p: float = 1.0

    @property
    def num_forwards(self) -> int:
        """One: with key-value caches each position passes once."""
        return 1

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature {self.temperature}: above 0; for the most likely token use top_k 1")
        if self.top_k and self.top_k_share is not None:
            raise ValueError(f"top_k {self.top_k} and top_k_share {self.top_k_share}: give one of them")
        if self.top_k_share is not None and not 0 < self.top_k_share <= 1:
            raise ValueError(f"top_k_share {self.top_k_share}: a share in (0, 1]")


@dataclass(frozen=True, kw_only=True)
class NarSamplingConfig(SamplingConfig):
    """How the NAR prior is decoded (MaskGIT section 3.3)."""

    steps: int = 12
    token_temperature: float = 1.0
    choice_temperature: float = 4.5
    choice_space: Literal["log_probability", "probability"] = "log_probability"
    schedule: Literal["cosine", "arccos"] = "cosine"

    @property
    def num_forwards(self) -> int:
        """One for each step."""
        return self.steps

    def __post_init__(self) -> None:
        if self.token_temperature <= 0:
            raise ValueError(f"token_temperature {self.token_temperature}: above 0")
