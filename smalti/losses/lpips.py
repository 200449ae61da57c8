"""LPIPS with its VGG backbone from a local file."""

from torch import nn
from torchvision.models import vgg16

from smalti.config.losses import LpipsConfig
from smalti.tensors import load_strictly, read_weights


def build_lpips(config: LpipsConfig) -> nn.Module:
    """Returns LPIPS (VGG, version 0.1) for images in [-1, 1]: the package's linear heads over torchvision's VGG16.

    Raises:
        ValueError: the weights are missing or aren't VGG16's.
    """
    import lpips  # here, since importing it takes seconds

    network = lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False)
    backbone = vgg16(weights=None)
    load_strictly(backbone, read_weights(config.weights), config.weights)
    for name, module in network.net.named_modules():
        if isinstance(module, nn.Conv2d):
            module.load_state_dict(backbone.features[int(name.rsplit(".", 1)[-1])].state_dict())
    return network.eval().requires_grad_(False)
