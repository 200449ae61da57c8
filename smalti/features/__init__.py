"""Pretrained feature networks behind one interface; a recipe chooses by ``kind``."""

from torch import nn

from smalti.config.features import (
    EfficientNetLiteConfig,
    FeatureNetworkConfig,
    InceptionConfig,
    OpenClipConfig,
    TimmConfig,
)
from smalti.features.network import FeatureNetwork

__all__ = ["FeatureNetwork", "bare_network", "build_features", "feature_width"]


def build_features(config: FeatureNetworkConfig) -> FeatureNetwork:
    """Returns the feature network that ``config`` names, with its weights, in eval mode and without gradients.

    Each network's library is imported when it is asked for: open_clip alone costs seconds.
    """
    if isinstance(config, EfficientNetLiteConfig):
        from smalti.features.efficientnet import EfficientNetLite

        return EfficientNetLite(config)
    if isinstance(config, OpenClipConfig):
        from smalti.features.vision_transformer import OpenClip

        return OpenClip(config)
    if isinstance(config, TimmConfig):
        from smalti.features.vision_transformer import TimmFeatures

        return TimmFeatures(config)
    if isinstance(config, InceptionConfig):
        from smalti.features.inception import Inception

        return Inception(config)
    from smalti.features.vgg import Vgg16

    return Vgg16(config)


def bare_network(config: FeatureNetworkConfig) -> nn.Module:
    """Returns the network behind a kind without its weights, as its library builds it on the default device."""
    network: nn.Module
    if isinstance(config, EfficientNetLiteConfig):
        from smalti.features.efficientnet import bare_efficientnet

        network = bare_efficientnet(config)
    elif isinstance(config, OpenClipConfig):
        from smalti.features.vision_transformer import bare_clip

        network = bare_clip(config)
    elif isinstance(config, TimmConfig):
        from smalti.features.vision_transformer import bare_timm

        network = bare_timm(config)
    elif isinstance(config, InceptionConfig):
        from smalti.features.inception import bare_inception

        network = bare_inception()
    else:
        from torchvision.models import vgg16

        network = vgg16(weights=None)
    return network


def feature_width(config: FeatureNetworkConfig, tap: str) -> int:
    """Returns the channels of a tap without any weights: the network is built on the meta device.

    Raises:
        ValueError: an unknown tap.
    """
    if isinstance(config, EfficientNetLiteConfig):
        from smalti.features.efficientnet import efficientnet_widths

        channels = efficientnet_widths(config)
    elif isinstance(config, OpenClipConfig | TimmConfig):
        from smalti.features.vision_transformer import transformer_widths

        channels = transformer_widths(config)
    elif isinstance(config, InceptionConfig):
        from smalti.features.inception import INCEPTION_WIDTHS as channels
    else:
        from smalti.features.vgg import VGG_WIDTHS as channels
    if tap not in channels:
        raise ValueError(f"{config.kind} has no tap {tap!r}; it has {', '.join(channels)}")
    return channels[tap]
