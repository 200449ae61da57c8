"""Config of stage codebook."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.features import FeatureNetworkConfig


@dataclass(frozen=True, kw_only=True)
class CodebookConfig:
    """Stage codebook: k-means centres of patch features (VQGAN-LC section 3.2).

    ``pool`` averages the feature map to pool x pool vectors an image (4 as released); None takes every patch.
    ``points_per_centroid`` bounds the sample that k-means sees. ``balance: class`` clusters each class on its own, as
    released; ``global`` as written. ``centres``: k-means, or as ablations a seeded choice of the features or Gaussian
    rows (VQGAN-LC Table 6). ``whiten`` makes the centres' coordinates uncorrelated with unit variance.
    """

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
