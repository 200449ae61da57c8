"""torchvision's VGG16, the perceptual network of SeQ-GAN."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torchvision.models import VGG16_Weights, vgg16

from smalti.config.features import Vgg16Config
from smalti.features.network import FeatureNetwork
from smalti.tensors import load_strictly, read_weights

# Index of each ReLU in torchvision's ``features`` and the width there.
RELUS = {"relu1_2": (3, 64), "relu2_2": (8, 128), "relu3_3": (15, 256), "relu4_3": (22, 512), "relu5_3": (29, 512)}


class Vgg16(FeatureNetwork):
    """Taps relu1_2 .. relu5_3 and logits (1000), of torchvision's vgg16 IMAGENET1K_V1."""

    def __init__(self, config: Vgg16Config) -> None:
        super().__init__(config, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
        self.network = self.bare(config)
        load_strictly(self.network, read_weights(config.weights), config.weights)
        for module in self.network.modules():
            if hasattr(module, "inplace"):
                module.inplace = False  # a tap must keep its value
        self.eval().requires_grad_(False)

    @staticmethod
    def bare(config: Vgg16Config) -> Any:
        return vgg16(weights=None)

    @staticmethod
    def widths(config: Vgg16Config) -> dict[str, int]:
        return {tap: width for tap, (_, width) in RELUS.items()} | {"logits": 1000}

    @staticmethod
    def fetch(config: Vgg16Config) -> tuple[dict[str, Tensor], str, str]:
        state = VGG16_Weights.IMAGENET1K_V1.get_state_dict(progress=True, check_hash=True, weights_only=True)
        return dict(state), "torchvision vgg16 IMAGENET1K_V1", "BSD-3-Clause"

    def extract(self, x: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
        found, wanted = {}, set(taps)
        names = {index: tap for tap, (index, _) in RELUS.items()}
        for index, layer in enumerate(self.network.features):
            x = layer(x)
            if index in names:
                found[names[index]] = x
                if wanted <= found.keys():
                    return {tap: found[tap] for tap in taps}
        found["logits"] = self.network.classifier(self.network.avgpool(x).flatten(1))
        return {tap: found[tap] for tap in taps}
