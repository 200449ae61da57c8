"""Losses that compare images by a pretrained network, as data."""

from dataclasses import dataclass, field
from typing import Literal

from smalti.config.features import FeatureNetworkConfig
from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, Share
from smalti.config.weights import WEIGHTS

LPIPS_WEIGHTS = {"alex": "alexnet.safetensors", "squeeze": "squeezenet1_1.safetensors"}


@dataclass(frozen=True, kw_only=True)
class PredictorConfig:
    """The head that predicts an image feature from the codes of one book (FQGAN section 3.3)."""

    num_layers: PositiveInt = 3
    """Transformer layers."""
    num_heads: PositiveInt = 8
    """Attention heads; they divide the channels of the tap that is predicted."""


@dataclass(frozen=True, kw_only=True)
class SemanticLossConfig:
    """Semantic-enhanced perceptual loss: alpha L_sem + (1 - alpha) L_low (SeQ-GAN eq. 3)."""

    kind: Literal["semantic"] = "semantic"
    network: FeatureNetworkConfig
    """The frozen network whose features are compared (SeQ-GAN: vgg16)."""
    low: dict[str, NonNegativeFloat]
    """Taps of L_low with their weights (SeQ-GAN: relu1_2, relu2_2, relu3_3, relu4_3, relu5_3, 1 each)."""
    semantic: dict[str, NonNegativeFloat]
    """Taps of L_sem with their weights (SeQ-GAN: relu5_3 and logits, 1 each)."""
    alpha: Share
    """Share of L_sem (SeQ-GAN: 1 in phase 1, 0 in phase 2)."""
    weight: NonNegativeFloat = 1.0
    """Weight of this loss in the generator's (SeQ-GAN eq. 2: 1)."""
    distance: Literal["raw", "channel_normalised"] = "raw"
    """raw: mean squared difference, as the paper writes it; channel_normalised: of features of length 1, as in LPIPS,
    since raw scales differ by orders between taps."""


@dataclass(frozen=True, kw_only=True)
class LpipsConfig:
    """LPIPS 0.1 (lpips package): a backbone of torchvision; the linear heads ship with the package."""

    backbone: Literal["vgg", "alex", "squeeze"] = field(default="vgg", metadata={"hash": UNLESS_DEFAULT})
    """Whose features are compared: VGG16's, as in losses; AlexNet's, the package's own choice for figures; or
    SqueezeNet 1.1's."""
    weights: str = field(default="vgg16.safetensors", metadata=WEIGHTS)
    """File below $SMALTI_WEIGHTS: that backbone of torchvision, IMAGENET1K_V1."""

    def __post_init__(self) -> None:
        if self.backbone != "vgg" and self.weights == LpipsConfig.weights:
            raise ValueError(
                f"weights: {self.weights!r} is VGG16's, and the backbone {self.backbone!r}; name a file of its own, "
                f"such as {LPIPS_WEIGHTS[self.backbone]!r}"
            )


@dataclass(frozen=True, kw_only=True)
class LpipsLossConfig(LpipsConfig):
    """LPIPS as the perceptual loss, as in VQGAN, VQGAN-LC and FQGAN; its dropout is off here."""

    kind: Literal["lpips"] = "lpips"
    weight: NonNegativeFloat = 1.0
    """Weight of this loss in the generator's (VQGAN: 1)."""


PerceptualConfig = SemanticLossConfig | LpipsLossConfig


@dataclass(frozen=True, kw_only=True)
class RepresentationConfig:
    """The codes of one book predict an image feature of a pretrained network, by InfoNCE (FQGAN section 3.3)."""

    book: NonNegativeInt
    """Which book, from 0."""
    network: FeatureNetworkConfig
    """The frozen network that teaches it."""
    tap: str = "pooled"
    """The network's tap that is predicted: one vector an image."""
    predictor: PredictorConfig = field(default_factory=PredictorConfig)
    """The head that predicts it; not published."""
    weight: NonNegativeFloat = 0.5
    """Weight of this loss in the generator's (FQGAN: 0.5)."""
    temperature: PositiveFloat = 0.1
    """Temperature that cosines are divided by (FQGAN's code: 1, which pulls a tenth as hard at the start as 0.1)."""
    negatives: Literal["global", "local"] = "global"
    """The other images of the batch: those of all devices, or of one alone, as in FQGAN's code."""
