"""Config of stage codebook."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.features import FeatureNetworkConfig
from smalti.config.ranges import PositiveInt, Range, SeveralInt


@dataclass(frozen=True, kw_only=True)
class CodebookConfig:
    """Stage codebook: k-means centres of patch features (VQGAN-LC section 3.2)."""

    STAGE: ClassVar[Stage] = Stage(
        name="codebook",
        version=2,
        needs=("data",),
        takes=(),
        resumes=True,
        one_process=False,
        curves=None,
    )
    features: FeatureNetworkConfig
    """The frozen network whose features are clustered (VQGAN-LC: open_clip)."""
    tap: str
    """The network's tap: a feature map."""
    num_codes: SeveralInt
    """Centres K (VQGAN-LC: 100,000)."""
    centres: Literal["kmeans", "selected", "gaussian"] = "kmeans"
    """k-means; or, as ablations, a seeded choice of the features, or Gaussian rows (VQGAN-LC Table 6)."""
    pool: PositiveInt | None = None
    """Side of the grid that an image's feature map is averaged to (VQGAN-LC as released: 4); null: every patch."""
    balance: Literal["global", "class"] = "global"
    """Whether all features are clustered at once, as VQGAN-LC writes, or each class on its own, as released."""
    spherical: bool = False
    """Whether centres are scaled to length 1 after each iteration."""
    iterations: PositiveInt = 25
    """Iterations of k-means."""
    points_per_centroid: PositiveInt = 256
    """Features a centre that are extracted and clustered, a seeded choice of the images; bounds time and memory."""
    whiten: bool = False
    """Whether the centres' coordinates are made uncorrelated with unit variance (PCA whitening)."""
    seed: Annotated[int, Range(at_least=0, at_most=2**31 - 2)] = 0
    """Seed of the choice of images, and of k-means; faiss is given seed + 1, in 31 bits."""
    batch_size: PositiveInt = field(default=64, metadata=RUNTIME)
    """Images at once on each device."""
    faiss_on_cpu: bool = field(default=False, metadata=RUNTIME)
    """Whether k-means may run on the CPU although the features ran on CUDA, as it does without faiss-gpu."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""
