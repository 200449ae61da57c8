"""Losses that compare images by a pretrained network, as data."""

from dataclasses import dataclass, field
from typing import Literal

from smalti.config.features import WEIGHTS, FeatureNetworkConfig


@dataclass(frozen=True, kw_only=True)
class PredictorConfig:
    """The head that predicts an image feature from the codes of one book (FQGAN section 3.3)."""

    num_layers: int = 3
    num_heads: int = 8


@dataclass(frozen=True, kw_only=True)
class SemanticLossConfig:
    """Semantic-enhanced perceptual loss (SeQ-GAN eq. 3).

    ``low`` and ``semantic`` map taps to weights, all 1 in the paper. ``distance`` is ``raw`` as the paper writes it, or
    ``channel_normalised`` as LPIPS does: raw scales differ by orders between taps.
    """

    kind: Literal["semantic"] = "semantic"
    network: FeatureNetworkConfig
    low: dict[str, float]
    semantic: dict[str, float]
    alpha: float
    weight: float = 1.0
    distance: Literal["raw", "channel_normalised"] = "raw"

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha {self.alpha}: a share in [0, 1]")


@dataclass(frozen=True, kw_only=True)
class LpipsConfig:
    """LPIPS (lpips package, VGG): the backbone is torchvision's VGG16; the linear heads ship with the package."""

    weights: str = field(default="vgg16.safetensors", metadata=WEIGHTS)


@dataclass(frozen=True, kw_only=True)
class LpipsLossConfig(LpipsConfig):
    """LPIPS as the perceptual loss, as in VQGAN, VQGAN-LC and FQGAN; its dropout is off here."""

    kind: Literal["lpips"] = "lpips"
    weight: float = 1.0


PerceptualConfig = SemanticLossConfig | LpipsLossConfig


@dataclass(frozen=True, kw_only=True)
class RepresentationConfig:
    """The codes of ``book`` predict the tap of a pretrained network (FQGAN section 3.3).

    FQGAN's code has temperature 1 and negatives of one GPU alone: ``temperature: 1`` and ``negatives: local``.
    """

    book: int
    network: FeatureNetworkConfig
    tap: str = "pooled"
    predictor: PredictorConfig = field(default_factory=PredictorConfig)
    weight: float = 0.5
    temperature: float = 0.1
    negatives: Literal["global", "local"] = "global"
