"""One dataclass a stage.

``VERSION`` is raised by hand whenever the meaning of a stage's output changes; it is part of the key.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from configs.architecture import (
    ArPriorNetworkConfig,
    AutoencoderKind,
    DecoderAttentionConfig,
    DiscriminatorConfig,
    FeatureNetworkConfig,
    NarPriorNetworkConfig,
)
from configs.codebooks import QuantizerConfig
from configs.sampling import ArSamplingConfig, NarSamplingConfig
from configs.sources import SourceConfig
from configs.training import (
    RUNTIME,
    GanConfig,
    LoadingConfig,
    LpipsConfig,
    OptimizerConfig,
    PerceptualKind,
    RepresentationConfig,
    RuntimeConfig,
    TrainingConfig,
)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Stage data: the index of a data set.

    A source without train and val of its own is split once: ``val_fraction`` of the images, seeded; ``group`` is a
    regular expression whose first group names what must stay on one side.
    """

    VERSION: ClassVar[int] = 1
    source: SourceConfig
    image_size: int
    num_classes: int | None = None  # what the source should hold, 0 for no labels; null takes what is there
    val_fraction: float = 0.05
    group: str | None = None
    max_images: int | None = None  # a seeded choice of so many, for trials; train and val keep their shares
    seed: int = 0
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)

    def __post_init__(self) -> None:
        if not 0 < self.val_fraction < 1:
            raise ValueError(f"val_fraction {self.val_fraction}: a share in (0, 1)")
        if self.max_images is not None and self.max_images < 2:
            raise ValueError(f"max_images {self.max_images}: at least one for train and one for val")


@dataclass(frozen=True, kw_only=True)
class CodebookConfig:
    """Stage codebook: k-means centres of patch features (VQGAN-LC section 3.2).

    ``pool`` averages the feature map to pool x pool vectors an image (4 as released); None takes every patch.
    ``points_per_centroid`` bounds the sample that k-means sees. ``balance: class`` clusters each class on its own, as
    released; ``global`` as written. ``centres``: k-means, or as ablations a seeded choice of the features or Gaussian
    rows (VQGAN-LC Table 6). ``whiten`` makes the centres' coordinates uncorrelated with unit variance.
    """

    VERSION: ClassVar[int] = 2
    features: FeatureNetworkConfig
    tap: str
    num_codes: int
    centres: Literal["kmeans", "selected", "gaussian"] = "kmeans"
    pool: int | None = None
    balance: Literal["global", "class"] = "global"
    spherical: bool = False
    iterations: int = 25
    points_per_centroid: int = 256
    whiten: bool = False
    seed: int = 0
    batch_size: int = field(default=64, metadata=RUNTIME)
    max_unreadable: float = 0.001
    faiss_on_cpu: bool = field(default=False, metadata=RUNTIME)  # allow CPU k-means although features ran on CUDA
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.points_per_centroid < 1:
            raise ValueError(
                f"iterations {self.iterations}, points_per_centroid {self.points_per_centroid}: at least 1 each"
            )


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """Stage tokenizer, phase 1: encoder, codebook and decoder (SeQ-GAN section 3.4).

    ``attention`` gives the decoder attention in phase 1 already: SeQ-GAN's Table 1, in which that harms the priors.
    """

    VERSION: ClassVar[int] = 4
    autoencoder: AutoencoderKind
    quantizer: QuantizerConfig
    discriminator: DiscriminatorConfig
    perceptual: PerceptualKind
    gan: GanConfig
    training: TrainingConfig
    optimizer: OptimizerConfig
    discriminator_optimizer: OptimizerConfig
    reconstruction: Literal["l1", "l2"] = "l1"  # l2 is LlamaGen's and FQGAN's
    reconstruction_weight: float = 1.0
    quantizer_weight: float = 1.0
    representation: tuple[RepresentationConfig, ...] = ()
    attention: DecoderAttentionConfig | None = None
    loading: LoadingConfig = field(default_factory=LoadingConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Stage decoder, phase 2: the decoder alone, with attention (SeQ-GAN section 3.4)."""

    VERSION: ClassVar[int] = 3
    attention: DecoderAttentionConfig
    perceptual: PerceptualKind
    gan: GanConfig
    training: TrainingConfig
    optimizer: OptimizerConfig
    discriminator_optimizer: OptimizerConfig
    reconstruction: Literal["l1", "l2"] = "l1"
    reconstruction_weight: float = 1.0
    loading: LoadingConfig = field(default_factory=LoadingConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)


@dataclass(frozen=True, kw_only=True)
class TokenShardsConfig:
    """Stage token_shards: the tokens of every image, once for each view.

    Views are the ``crops`` of the image's centred square of ``resize_range`` times the image size, and their mirror
    images with ``flip``. LlamaGen's ten crops: all five, range 1.1, flip.
    """

    VERSION: ClassVar[int] = 2
    crops: tuple[Literal["centre", "top_left", "top_right", "bottom_left", "bottom_right"], ...] = ("centre",)
    resize_range: float = 1.0
    flip: bool = True
    rows_per_shard: int = 65_536
    batch_size: int = field(default=64, metadata=RUNTIME)
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    max_unreadable: float = 0.001
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)

    def __post_init__(self) -> None:
        if self.resize_range < 1:
            raise ValueError(f"resize_range {self.resize_range}: at least 1")
        if self.resize_range == 1 and self.crops != ("centre",):
            raise ValueError(f"crops {', '.join(self.crops)}: the same at resize_range 1; take 1.1, or centre alone")

    @property
    def num_views(self) -> int:
        return len(self.crops) * (2 if self.flip else 1)


@dataclass(frozen=True, kw_only=True)
class PriorConfig:
    """What both priors' trainings have in common."""

    VERSION: ClassVar[int] = 2
    training: TrainingConfig
    optimizer: OptimizerConfig
    label_dropout: float = 0.0
    label_smoothing: float = 0.0
    class_balanced: bool = False  # draw every class equally often; samples have balanced labels, small data sets don't
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)


@dataclass(frozen=True, kw_only=True)
class ArPriorConfig(PriorConfig):
    """Stage ar_prior: next-token prediction (SeQ-GAN Tables 8 and 10; FQGAN section 3.4)."""

    network: ArPriorNetworkConfig


@dataclass(frozen=True, kw_only=True)
class NarPriorConfig(PriorConfig):
    """Stage nar_prior: masked token modelling (SeQ-GAN Tables 8 and 10; MaskGIT)."""

    network: NarPriorNetworkConfig


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


@dataclass(frozen=True, kw_only=True)
class ScoresConfig:
    """Stage scores. ``judge`` must not occur in a loss or the codebook of the same run.

    A tap's channels are averaged over its positions; the Frechet distance needs at least twice as many images as
    channels, so a small val set wants a narrow tap. Over the tap pooled of kind inception it is FID.
    """

    VERSION: ClassVar[int] = 2
    judge: FeatureNetworkConfig
    reconstruction_tap: str
    generation_tap: str
    classifier_tap: str = "pooled"
    reference_images: int | None = None  # train images that generation is compared with, a seeded choice; null: all
    classifier_images: int = 20_000  # of them, those that the class judge is fitted to, at most
    num_pictures: int = 16  # val images that the report shows
    lpips: LpipsConfig | None = None  # null: LPIPS is absent from the scores
    batch_size: int = field(default=64, metadata=RUNTIME)
    max_unreadable: float = 0.001
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)


@dataclass(frozen=True, kw_only=True)
class ReportConfig:
    """Stage report: one HTML file."""

    VERSION: ClassVar[int] = 3
    title: str
    samples_per_class: int = 8
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)


STAGES = {
    "data": DataConfig,
    "codebook": CodebookConfig,
    "tokenizer": TokenizerConfig,
    "decoder": DecoderConfig,
    "token_shards": TokenShardsConfig,
    "ar_prior": ArPriorConfig,
    "nar_prior": NarPriorConfig,
    "samples": SamplesConfig,
    "scores": ScoresConfig,
    "report": ReportConfig,
}

# Inputs of each stage: those it must have, and those it may have.
INPUTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "data": (frozenset(), frozenset()),
    "codebook": (frozenset({"data"}), frozenset()),
    "tokenizer": (frozenset({"data"}), frozenset({"codebook", "init_from"})),
    "decoder": (frozenset({"data", "tokenizer"}), frozenset({"init_from"})),
    "token_shards": (frozenset({"data", "tokenizer"}), frozenset()),
    "ar_prior": (frozenset({"token_shards", "tokenizer"}), frozenset()),
    "nar_prior": (frozenset({"token_shards", "tokenizer"}), frozenset()),
    "samples": (frozenset({"tokenizer"}), frozenset({"decoder", "ar_prior", "nar_prior"})),
    "scores": (frozenset({"data", "tokenizer"}), frozenset({"decoder", "samples", "token_shards"})),
    "report": (
        frozenset({"data", "tokenizer", "scores"}),
        frozenset({"codebook", "decoder", "token_shards", "ar_prior", "nar_prior", "samples"}),
    ),
}
