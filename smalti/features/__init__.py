"""Pretrained feature networks behind one interface; a recipe chooses by ``kind``, and each config names its class.

Each network's library is imported when it is asked for: open_clip alone costs seconds.
"""

from torch import nn

from smalti.config.features import FeatureNetworkConfig
from smalti.config.names import load_name
from smalti.features.network import FeatureNetwork

__all__ = ["FeatureNetwork", "bare_network", "build_features", "feature_class", "feature_width"]


def feature_class(config: FeatureNetworkConfig) -> type[FeatureNetwork]:
    """Returns the class that a config names."""
    found: type[FeatureNetwork] = load_name(config.network)
    return found


def build_features(config: FeatureNetworkConfig) -> FeatureNetwork:
    """Returns the feature network that ``config`` names, with its weights, in eval mode and without gradients."""
    network: FeatureNetwork = load_name(config.network)(config)
    return network.eval().requires_grad_(False)


def bare_network(config: FeatureNetworkConfig) -> nn.Module:
    """Returns the network behind a kind without its weights, as its library builds it on the default device."""
    return feature_class(config).bare(config)


def feature_width(config: FeatureNetworkConfig, tap: str) -> int:
    """Returns the channels of a tap without any weights.

    Raises:
        ValueError: an unknown tap.
    """
    channels = feature_class(config).widths(config)
    if tap not in channels:
        raise ValueError(f"{config.kind} has no tap {tap!r}; it has {', '.join(channels)}")
    return channels[tap]
