"""By what generated images are judged."""

from dataclasses import dataclass, field
from typing import Literal

from smalti.config.features import FeatureNetworkConfig
from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.ranges import PositiveInt


@dataclass(frozen=True, kw_only=True)
class GenerationConfig:
    """What stages scores and sweep judge samples by."""

    judge: FeatureNetworkConfig
    """The frozen network whose features are compared; it must not occur in a loss or the codebook of the same run."""
    generation_tap: str
    """Tap for the Frechet distance of samples to real images."""
    classifier_tap: str = "pooled"
    """Tap on which the class judge, a logistic regression, is fitted."""
    reference: Literal["train", "val", "all"] = field(default="train", metadata={"hash": UNLESS_DEFAULT})
    """Real images that samples are compared with: those of train (ADM, ImageNet), of val, or both (VQGAN-LC, FFHQ)."""
    reference_images: PositiveInt | None = None
    """How many of them, a seeded choice; null: all."""
    classifier_images: PositiveInt = 20_000
    """Train images that the class judge is fitted to, at most, a seeded choice; never val images, on which its own
    agreement is measured."""
