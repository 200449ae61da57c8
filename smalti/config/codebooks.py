"""Codebooks, as data; a recipe chooses by ``kind``.

K codes, D channels (the autoencoder's ``latent_dim``), k books.
"""

import math
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class NearestCodeConfig:
    """Weights of the terms that every table's loss may have.

    ``entropy_weight`` is gamma of SeQ-GAN's section 3.4: the entropy of the mean assignment is maximised.
    ``sample_entropy_weight`` weighs the mean entropy of each assignment, which is minimised (MaskGIT, FQGAN).
    """

    commitment_weight: float = 0.25  # beta of SeQ-GAN's eq. 2, on the encoder's side
    codebook_weight: float = 1.0
    entropy_weight: float = 0.0
    sample_entropy_weight: float = 0.0
    entropy_temperature: float = 1.0

    @property
    def loss_weights(self) -> dict[str, float]:
        """The weights by the names of the terms."""
        return {
            "commitment": self.commitment_weight, "codebook": self.codebook_weight,
            "entropy": self.entropy_weight, "sample_entropy": self.sample_entropy_weight,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LearnedCodebookConfig(NearestCodeConfig):
    """Codebook learned by gradient, with the entropy regulariser (SeQ-GAN eq. 2 and section 3.4)."""

    kind: Literal["learned"] = "learned"
    num_codes: int = 1024
    entropy_weight: float = 0.01


@dataclass(frozen=True, kw_only=True)
class LearnedCosineConfig(NearestCodeConfig):
    """Codebook learned by gradient, rows and latents of length 1 (ViT-VQGAN; LlamaGen; one book of FQGAN)."""

    kind: Literal["learned_cosine"] = "learned_cosine"
    num_codes: int = 16_384


@dataclass(frozen=True, kw_only=True)
class EmaCodebookConfig(NearestCodeConfig):
    """Rows are moving averages of their latents (van den Oord et al. 2017); the codebook term isn't needed.

    ``restart_below``: a row that gets fewer tokens an update on average is drawn anew from the batch; 0 never.
    """

    kind: Literal["ema"] = "ema"
    num_codes: int = 1024
    codebook_weight: float = 0.0
    decay: float = 0.99
    restart_below: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.decay < 1:
            raise ValueError(f"decay {self.decay}: a number in (0, 1)")


@dataclass(frozen=True, kw_only=True)
class KMeansCodebookConfig(NearestCodeConfig):
    """Learned codebook, set to k-means centres of recent latents now and then (SeQ-GAN Table 5, "+ K-means").

    The paper prints no settings; these are of VQFR, by the same author (facts of its public code).
    """

    kind: Literal["kmeans"] = "kmeans"
    num_codes: int = 1024
    warmup: int = 10_000  # updates in which latents pass unquantised
    every: int = 2000
    until: int = 30_000
    reservoir: int = 16_384  # latents
    seed: int = 0

    def __post_init__(self) -> None:
        if self.reservoir < self.num_codes:
            raise ValueError(f"reservoir {self.reservoir}: at least one latent for each of {self.num_codes} codes")


@dataclass(frozen=True, kw_only=True)
class ProjectorConfig:
    """From centres (K, C) to codes (K, D): linear as in VQGAN-LC, an MLP with ``hidden`` channels, or none."""

    kind: Literal["linear", "mlp", "none"] = "linear"
    hidden: int = 256


@dataclass(frozen=True, kw_only=True)
class ProjectedConfig(NearestCodeConfig):
    """Centres from stage codebook behind a trained projector (VQGAN-LC eq. 1).

    ``tune_centres`` trains the centres too: an ablation.
    """

    commitment_weight: float = 1.0  # alpha of VQGAN-LC's loss
    codebook_weight: float = 0.33  # beta of VQGAN-LC's loss: trains the projector
    projector: ProjectorConfig = field(default_factory=ProjectorConfig)
    tune_centres: bool = False


@dataclass(frozen=True, kw_only=True)
class ProjectedL2Config(ProjectedConfig):
    """Frozen centres behind a trained projector, squared L2 distance: VQGAN-LC as released."""

    kind: Literal["projected_l2"] = "projected_l2"


@dataclass(frozen=True, kw_only=True)
class ProjectedCosineConfig(ProjectedConfig):
    """Frozen centres behind a trained projector, cosine distance: VQGAN-LC as written.

    Latents and projected centres are scaled to length sqrt(D), so that their coordinates have unit mean square.
    """

    kind: Literal["projected_cosine"] = "projected_cosine"


@dataclass(frozen=True, kw_only=True)
class FactorisedConfig:
    """Books of ``latent_dim`` / k channels each, all alike, by name and in this order (FQGAN section 3).

    ``disentangle``: ``encoder`` penalises the branches alone, as FQGAN's code does; ``full`` the books' rows too.
    """

    kind: Literal["factorised"] = "factorised"
    names: tuple[str, ...] = ("visual", "semantic")
    book: LearnedCosineConfig | LearnedCodebookConfig | EmaCodebookConfig = field(default_factory=LearnedCosineConfig)
    disentangle_weight: float = 0.1
    disentangle: Literal["encoder", "full"] = "encoder"

    def __post_init__(self) -> None:
        if self.num_books < 2:
            raise ValueError(f"names {list(self.names)}: at least 2; one book is its own kind, {self.book.kind}")
        if len(set(self.names)) < self.num_books:
            raise ValueError(f"names {list(self.names)}: give each book a name of its own")

    @property
    def num_books(self) -> int:
        """k."""
        return len(self.names)


@dataclass(frozen=True, kw_only=True)
class ResidualConfig:
    """``num_books`` codes a position, each of what the ones before left over (RQ-VAE; depth 4 in its tables)."""

    kind: Literal["residual"] = "residual"
    num_books: int = 4
    num_codes: int = 16_384
    shared: bool = True
    commitment_weight: float = 0.25

    def __post_init__(self) -> None:
        if self.num_books < 2:
            raise ValueError(f"num_books {self.num_books}: at least 2; one book is kind learned")


@dataclass(frozen=True, kw_only=True)
class LookupFreeConfig:
    """One bit a channel (LFQ); ``latent_dim`` is log2 of ``num_codes`` (Open-MAGVIT2: 18)."""

    kind: Literal["lookup_free"] = "lookup_free"
    num_codes: int = 2**18
    entropy_weight: float = 0.1
    diversity: float = 1.0
    commitment_weight: float = 0.25
    entropy_temperature: float = 0.01
    entropy_share: float = 1.0  # of the tokens, for the entropy terms, whose time is tokens x codes

    def __post_init__(self) -> None:
        if not 0 < self.entropy_share <= 1:
            raise ValueError(f"entropy_share {self.entropy_share}: a share in (0, 1]")
        if self.num_codes < 2 or self.num_codes & (self.num_codes - 1):
            raise ValueError(f"num_codes {self.num_codes}: a power of two")


@dataclass(frozen=True, kw_only=True)
class FiniteScalarConfig:
    """A few levels a channel (FSQ); ``latent_dim`` is the number of levels given."""

    kind: Literal["finite_scalar"] = "finite_scalar"
    levels: tuple[int, ...] = (8, 5, 5, 5)

    def __post_init__(self) -> None:
        if min(self.levels, default=0) < 3:
            raise ValueError(f"levels {self.levels}: at least 3 in each channel")

    @property
    def num_codes(self) -> int:
        """K, the product of the levels."""
        return math.prod(self.levels)


QuantizerConfig = (
    LearnedCodebookConfig
    | LearnedCosineConfig
    | EmaCodebookConfig
    | KMeansCodebookConfig
    | ProjectedL2Config
    | ProjectedCosineConfig
    | FactorisedConfig
    | ResidualConfig
    | LookupFreeConfig
    | FiniteScalarConfig
)
