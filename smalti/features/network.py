"""The interface of every pretrained feature network."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.config.feature_source import FeatureSource


class FeatureNetwork(nn.Module):
    """A frozen network with named taps.

    ``taps`` lists the names that ``forward`` takes, shallow ones first; ``channels`` their widths.
    ``mean`` and ``std`` normalise images in [0, 1]. ``input_size`` resizes first (bicubic, antialiased), None doesn't.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: Any, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.source: FeatureSource = config.source
        self.channels, self.input_size = self.widths(config), config.input_size
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    @staticmethod
    def bare(config: Any) -> nn.Module:
        """Returns the network behind a config without its weights, as its library builds it on the default device."""
        raise NotImplementedError

    @staticmethod
    def widths(config: Any) -> Mapping[str, int]:
        """Returns {tap: channels} of a config, without any weights, shallow taps first."""
        raise NotImplementedError

    @staticmethod
    def fetch(config: Any) -> tuple[dict[str, Tensor], str, str]:
        """Returns the tensors that the file ``config.weights`` is to hold, where they come from, and their licence.

        ``make weights`` and ``smalti weights`` alone call it.

        Raises:
            ValueError: nobody keeps them for download.
        """
        raise ValueError(
            f"weights {config.weights}: don't know where to fetch {config.kind} from; put the file into the weights "
            "folder by hand, or name it as package:MODULE/FILE"
        )

    def normalise(self, images: Tensor) -> Tensor:
        """Returns images (B, 3, H, W) in [-1, 1] as the network wants them, float32."""
        x = images.float() / 2 + 0.5
        if self.input_size is not None and x.shape[-2:] != (self.input_size, self.input_size):
            size = (self.input_size, self.input_size)
            x = F.interpolate(x, size, mode="bicubic", antialias=True, align_corners=False)
        return (x - self.mean) / self.std

    def extract(self, x: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
        """Returns the named features of normalised images; stops after the deepest tap."""
        raise NotImplementedError

    def forward(self, images: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
        """Returns {tap: (B, C, h, w) or (B, C)} in float32 for images (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: an unknown tap.
        """
        for tap in taps:
            if tap not in self.channels:
                raise ValueError(f"{self.source.name} has no tap {tap!r}; it has {', '.join(self.channels)}")
        with torch.autocast(images.device.type, enabled=False):
            return self.extract(self.normalise(images), taps)

    def vectors(self, images: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
        """Returns {tap: (B, C)} as ``forward`` does, maps averaged over their positions."""
        features = self(images, taps)
        return {tap: value.mean(dim=(2, 3)) if value.ndim == 4 else value for tap, value in features.items()}
