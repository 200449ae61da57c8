"""Where a feature network's weights come from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FeatureSource:
    """``name`` of the network as figures quote it, ``origin`` of its weights or their package, their ``licence``."""

    name: str
    origin: str
    licence: str
