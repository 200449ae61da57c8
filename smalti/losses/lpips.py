"""LPIPS with its backbone from a local file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torchvision import models

from smalti.config.losses import LpipsConfig
from smalti.tensors import load_strictly, read_weights


@dataclass(frozen=True)
class Backbone:
    """torchvision's network behind an LPIPS: its constructor, its weights, and its name."""

    build: Callable[..., nn.Module]
    weights: Any
    name: str


BACKBONES = {
    "vgg": Backbone(models.vgg16, models.VGG16_Weights.IMAGENET1K_V1, "vgg16"),
    "alex": Backbone(models.alexnet, models.AlexNet_Weights.IMAGENET1K_V1, "alexnet"),
    "squeeze": Backbone(models.squeezenet1_1, models.SqueezeNet1_1_Weights.IMAGENET1K_V1, "squeezenet1_1"),
}


def build_lpips(config: LpipsConfig) -> nn.Module:
    """Returns LPIPS (version 0.1) for images in [-1, 1]: the package's linear heads over torchvision's backbone.

    Raises:
        ValueError: the weights are missing or aren't those of the backbone.
    """
    state = read_weights(config.weights)
    import lpips  # here, since importing it takes seconds

    network = lpips.LPIPS(net=config.backbone, pnet_rand=True, verbose=False)
    load_strictly(BACKBONES[config.backbone].build(weights=None), state, config.weights)  # the file is of this network
    # Layer i of torchvision's ``features`` lies in one of the package's slices, as sliceN.i.
    network.net.load_state_dict({key: state[f"features.{key.partition('.')[2]}"] for key in network.net.state_dict()})
    return network.eval().requires_grad_(False)


def fetch_backbone(config: LpipsConfig) -> tuple[dict[str, Tensor], str, str]:
    """Returns the tensors that the file ``config.weights`` is to hold, where they come from, and their licence."""
    backbone = BACKBONES[config.backbone]
    state = backbone.weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    return dict(state), f"torchvision {backbone.name} IMAGENET1K_V1", "BSD-3-Clause"
