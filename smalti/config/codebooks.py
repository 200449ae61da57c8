"""Codebooks, as data; a recipe chooses by ``kind``.

K codes, D channels (the autoencoder's ``latent_dim``), k books. Each config names its quantiser's class;
docs/extending.md says how a kind is added.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.quantizer import BaseQuantizerConfig, NearestCodeConfig
from smalti.config.ranges import (
    AnyInt,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    PositiveShare,
    Range,
    SeveralInt,
)


@dataclass(frozen=True, kw_only=True)
class LearnedCodebookConfig(NearestCodeConfig):
    """Codebook learned by gradient, with the entropy regulariser (SeQ-GAN eq. 2 and section 3.4)."""

    quantizer: ClassVar[str] = "smalti.codebooks.learned:LearnedCodebook"
    kind: Literal["learned"] = "learned"
    num_codes: SeveralInt = 1024
    """Codes K, of each book where there are several."""
    entropy_weight: NonNegativeFloat = 0.01


@dataclass(frozen=True, kw_only=True)
class LearnedCosineConfig(NearestCodeConfig):
    """Codebook learned by gradient, rows and latents of length 1 (ViT-VQGAN; LlamaGen; one book of FQGAN)."""

    quantizer: ClassVar[str] = "smalti.codebooks.learned:LearnedCosine"
    bounds_latents: ClassVar[bool] = True
    kind: Literal["learned_cosine"] = "learned_cosine"
    num_codes: SeveralInt = 16_384
    """Codes K, of each book where there are several."""


@dataclass(frozen=True, kw_only=True)
class RandomCodebookConfig(NearestCodeConfig):
    """Rows drawn once and never trained: "random initialisation" of VQGAN-LC's Table 6, as released. It collapses."""

    quantizer: ClassVar[str] = "smalti.codebooks.untrained:RandomCodebook"
    kind: Literal["random"] = "random"
    num_codes: SeveralInt = 100_000
    """Codes K."""
    codebook_weight: NonNegativeFloat = 0.0


@dataclass(frozen=True, kw_only=True)
class EmaCodebookConfig(NearestCodeConfig):
    """Rows are moving averages of their latents (van den Oord et al. 2017); the codebook term isn't needed."""

    quantizer: ClassVar[str] = "smalti.codebooks.moving:EmaCodebook"
    kind: Literal["ema"] = "ema"
    num_codes: SeveralInt = 1024
    """Codes K, of each book where there are several."""
    codebook_weight: NonNegativeFloat = 0.0
    decay: Annotated[float, Range(above=0, below=1)] = 0.99
    """Share of an average that an update keeps (van den Oord et al. 2017, appendix A.1: 0.99)."""
    restart_below: NonNegativeFloat = 0.0
    """Tokens an update below which, on average, a row is drawn anew from the batch's latents; 0: never."""
    seed: AnyInt = 0
    """Seed of the choice of latents that rows are drawn from."""

    @property
    def learns_from_batches(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class KMeansCodebookConfig(NearestCodeConfig):
    """Learned codebook, set to k-means centres of recent latents now and then (SeQ-GAN Table 5, "+ K-means").

    The paper prints no settings; these are of VQFR, by the same author (facts of its public code).
    """

    quantizer: ClassVar[str] = "smalti.codebooks.reestimated:KMeansCodebook"
    kind: Literal["kmeans"] = "kmeans"
    num_codes: SeveralInt = 1024
    """Codes K."""
    warmup: NonNegativeInt = 10_000
    """Updates in which latents pass unquantised; the first k-means comes at their end."""
    every: PositiveInt = 2000
    """Updates from one k-means to the next."""
    until: NonNegativeInt = 30_000
    """Update after which the rows learn by gradient alone."""
    reservoir: PositiveInt = 16_384
    """Recent latents that k-means sees; at least one for each code."""
    seed: AnyInt = 0
    """Seed of the choice of latents that are kept, and of k-means."""

    def __post_init__(self) -> None:
        if self.reservoir < self.num_codes:
            raise ValueError(f"reservoir {self.reservoir}: at least one latent for each of {self.num_codes} codes")

    @property
    def learns_from_batches(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class ProjectorConfig:
    """From centres (K, C) to codes (K, D)."""

    kind: Literal["linear", "mlp", "none"] = "linear"
    """linear as in VQGAN-LC; an MLP of two layers; or none, for which ``latent_dim`` must be C."""
    hidden: PositiveInt = 256
    """Channels between the two layers of kind mlp."""


@dataclass(frozen=True, kw_only=True)
class ProjectedConfig(NearestCodeConfig):
    """Centres from stage codebook behind a trained projector (VQGAN-LC eq. 1)."""

    needs_centres: ClassVar[bool] = True
    commitment_weight: NonNegativeFloat = 1.0
    """Weight of |z - sg e|^2, which moves the encoder: alpha of VQGAN-LC's loss."""
    codebook_weight: NonNegativeFloat = 0.33
    """Weight of |sg z - e|^2, which moves the projector: beta of VQGAN-LC's loss."""
    projector: ProjectorConfig = field(default_factory=ProjectorConfig)
    """Maps the centres to the codes that latents are compared with."""
    tune_centres: bool = False
    """Whether the centres are trained too: an ablation (VQGAN-LC Table 9)."""


@dataclass(frozen=True, kw_only=True)
class ProjectedL2Config(ProjectedConfig):
    """Frozen centres behind a trained projector, squared L2 distance: VQGAN-LC as released."""

    quantizer: ClassVar[str] = "smalti.codebooks.projected:ProjectedL2"
    kind: Literal["projected_l2"] = "projected_l2"


@dataclass(frozen=True, kw_only=True)
class ProjectedCosineConfig(ProjectedConfig):
    """Frozen centres behind a trained projector, cosine distance: VQGAN-LC as written.

    Latents and projected centres are scaled to length sqrt(D), so that their coordinates have unit mean square.
    """

    quantizer: ClassVar[str] = "smalti.codebooks.projected:ProjectedCosine"
    bounds_latents: ClassVar[bool] = True
    kind: Literal["projected_cosine"] = "projected_cosine"


@dataclass(frozen=True, kw_only=True)
class IndexPropagationConfig(BaseQuantizerConfig):
    """Codebook that chooses the row of the largest dot product, with gradient to all rows (IBQ, Shi et al. 2024)."""

    quantizer: ClassVar[str] = "smalti.codebooks.propagated:IndexPropagation"
    kind: Literal["index_propagation"] = "index_propagation"
    num_codes: SeveralInt = 16_384
    """Codes K; memory grows with tokens x codes."""
    normalised: bool = False
    """Whether rows and latents have length 1."""
    commitment_weight: NonNegativeFloat = 0.25
    """Weight of |sg z - e|^2 in IBQ's double quantisation loss, whose two other terms have 1."""
    entropy_weight: NonNegativeFloat = 0.05
    """Weight of mean H(p) - H(mean p), in nats, of p = softmax(z e / temperature) (IBQ: 0.05)."""
    entropy_temperature: PositiveFloat = 0.01
    """Temperature of these assignments."""


@dataclass(frozen=True, kw_only=True)
class FactorisedConfig(BaseQuantizerConfig):
    """k books of ``latent_dim`` / k channels each, all alike (FQGAN section 3)."""

    quantizer: ClassVar[str] = "smalti.codebooks.factorised:FactorisedCodebooks"
    kind: Literal["factorised"] = "factorised"
    names: tuple[str, ...] = ("visual", "semantic")
    """One name for each book, in the order of their channels; two at least."""
    book: LearnedCosineConfig | LearnedCodebookConfig | EmaCodebookConfig = field(default_factory=LearnedCosineConfig)
    """Each of the books."""
    disentangle_weight: NonNegativeFloat = 0.1
    """Weight of cos^2 between the codes of two books, the mean over the pairs (FQGAN section 3.2)."""
    disentangle: Literal["encoder", "full"] = "encoder"
    """What that penalty moves: the encoder's branches alone, as FQGAN's code has it, or the books' rows too."""

    def __post_init__(self) -> None:
        if self.num_books < 2:
            raise ValueError(f"names {list(self.names)}: at least 2; one book is its own kind, {self.book.kind}")
        if len(set(self.names)) < self.num_books:
            raise ValueError(f"names {list(self.names)}: give each book a name of its own")

    @property
    def num_books(self) -> int:
        """k."""
        return len(self.names)

    @property
    def learns_from_batches(self) -> bool:
        return self.book.learns_from_batches

    def misfits(self, latent_dim: int) -> Iterator[str]:
        if latent_dim % self.num_books:
            yield f"names: latent_dim {latent_dim} doesn't divide by the quantizer's {self.num_books} books"


@dataclass(frozen=True, kw_only=True)
class ResidualConfig(BaseQuantizerConfig):
    """Several codes a position, each of what the ones before left over (RQ-VAE)."""

    quantizer: ClassVar[str] = "smalti.codebooks.residual:ResidualCodebooks"
    kind: Literal["residual"] = "residual"
    num_books: Annotated[int, Range(at_least=2)] = 4
    """Codes a position (RQ-VAE's tables: 4)."""
    shared: bool = True
    """Whether all books are one table."""
    book: EmaCodebookConfig | LearnedCodebookConfig = field(
        default_factory=lambda: EmaCodebookConfig(num_codes=16_384, restart_below=1.0)
    )
    """Each of the books (RQ-VAE as released: ema of 16,384 codes, restarted below one token an update)."""

    @property
    def learns_from_batches(self) -> bool:
        return self.book.learns_from_batches


@dataclass(frozen=True, kw_only=True)
class LookupFreeConfig(BaseQuantizerConfig):
    """One bit a channel (LFQ of MAGVIT-v2; defaults of Open-MAGVIT2)."""

    quantizer: ClassVar[str] = "smalti.codebooks.implicit:LookupFree"
    no_latents: ClassVar[str | None] = (
        "lookup_free keeps one bit of each channel, and its latents mean nothing beyond their sign; for priors over "
        "latents take a tokenizer with a table of codes"
    )
    kind: Literal["lookup_free"] = "lookup_free"
    num_codes: Annotated[int, Range(at_least=2)] = 2**18
    """Codes K, a power of two; ``latent_dim`` is log2 of it."""
    entropy_weight: NonNegativeFloat = 0.1
    """Weight of mean H(p) - ``diversity`` H(mean p), in nats, of the soft assignments p."""
    diversity: NonNegativeFloat = 1.0
    """Weight, within that term, of the entropy of the mean assignment, which is maximised."""
    commitment_weight: NonNegativeFloat = 0.25
    """Weight of |z - sg e|^2, which moves the encoder."""
    entropy_temperature: PositiveFloat = 0.01
    """Temperature of the soft assignments, softmax of -|z - e|^2 / temperature."""
    entropy_epsilon: NonNegativeFloat = field(default=0.0, metadata={"hash": UNLESS_DEFAULT})
    """Added to p in log p of the mean assignment: 0 is exact; Open-MAGVIT2's code has 1e-5, more than the
    share that each of its 2^18 codes can have."""
    entropy_share: PositiveShare = 1.0
    """Share of the tokens that the entropies are taken over, whose time is tokens x codes."""

    def __post_init__(self) -> None:
        if self.num_codes & (self.num_codes - 1):
            raise ValueError(f"num_codes {self.num_codes}: a power of two")

    def misfits(self, latent_dim: int) -> Iterator[str]:
        if 2**latent_dim != self.num_codes:
            yield f"num_codes {self.num_codes}: lookup_free needs 2^latent_dim, here 2^{latent_dim}"


@dataclass(frozen=True, kw_only=True)
class FiniteScalarConfig(BaseQuantizerConfig):
    """A few levels a channel, no loss (FSQ, Mentzer et al. 2023); K is the product of the levels."""

    quantizer: ClassVar[str] = "smalti.codebooks.implicit:FiniteScalar"
    bounds_latents: ClassVar[bool] = True
    kind: Literal["finite_scalar"] = "finite_scalar"
    levels: tuple[Annotated[int, Range(at_least=3)], ...] = (8, 5, 5, 5)
    """Levels of each channel, one number for each of ``latent_dim``."""

    @property
    def num_codes(self) -> int:
        """K, the product of the levels."""
        return math.prod(self.levels)

    def misfits(self, latent_dim: int) -> Iterator[str]:
        if len(self.levels) != latent_dim:
            yield f"levels: {len(self.levels)} given, one for each of latent_dim {latent_dim} is needed"


QuantizerConfig = (
    LearnedCodebookConfig
    | LearnedCosineConfig
    | RandomCodebookConfig
    | EmaCodebookConfig
    | KMeansCodebookConfig
    | ProjectedL2Config
    | ProjectedCosineConfig
    | IndexPropagationConfig
    | FactorisedConfig
    | ResidualConfig
    | LookupFreeConfig
    | FiniteScalarConfig
)
