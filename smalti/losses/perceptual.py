"""Perceptual losses: the semantic-enhanced one of SeQ-GAN (eq. 3), and LPIPS."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.config.losses import LpipsLossConfig, PerceptualConfig
from smalti.features import FeatureNetwork, build_features
from smalti.layers.frozen import Frozen
from smalti.losses.lpips import build_lpips

Distance = Callable[[Tensor, Tensor], Tensor]


def raw_distance(a: Tensor, b: Tensor) -> Tensor:
    """Returns 1/(H W C) |a - b|^2, averaged over the batch: the L_per that SeQ-GAN writes under eq. 2.

    >>> raw_distance(torch.zeros(1, 2, 1, 1), torch.tensor([3.0, 1.0]).view(1, 2, 1, 1)).item()
    5.0
    """
    return (a - b).square().mean()


def channel_normalised_distance(a: Tensor, b: Tensor) -> Tensor:
    """Returns the mean over positions of |a/|a| - b/|b||^2, as LPIPS normalises channels (Zhang et al. 2018, eq. 1 with
    all weights 1).

    It lies in [0, 4] for any layer, so that layers are comparable without weights.

    >>> round(channel_normalised_distance(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 5.0]])).item(), 4)
    2.0
    """
    return (F.normalize(a, dim=1, eps=1e-8) - F.normalize(b, dim=1, eps=1e-8)).square().sum(1).mean()


DISTANCES: dict[str, Distance] = {"raw": raw_distance, "channel_normalised": channel_normalised_distance}


class PerceptualLoss:
    """L_per = alpha L_sem + (1 - alpha) L_low over the taps of one frozen network (SeQ-GAN eq. 3), always float32.

    ``low`` and ``semantic`` map taps to their weights, all 1 in the paper; a tap may be in both.
    """

    def __init__(
        self,
        network: Frozen[FeatureNetwork],
        low: Mapping[str, float],
        semantic: Mapping[str, float],
        alpha: float,
        distance: Distance,
    ) -> None:
        self.network, self.alpha, self.distance = network, alpha, distance
        self.name = network.network.source.name
        self.low = low if alpha < 1 else {}
        self.semantic = semantic if alpha > 0 else {}
        self.taps = sorted({*self.low, *self.semantic})

    def __call__(self, images: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the loss and the raw term of each tap, for images (B, 3, H, W) in [-1, 1]."""
        with torch.no_grad():
            target_features = self.network(targets, self.taps)
        features = self.network(images, self.taps)
        terms = {tap: self.distance(features[tap], target_features[tap]) for tap in self.taps}
        zero = images.new_zeros(())
        semantic = sum([weight * terms[tap] for tap, weight in self.semantic.items()], zero)
        low = sum([weight * terms[tap] for tap, weight in self.low.items()], zero)
        return self.alpha * semantic + (1 - self.alpha) * low, terms


class LpipsLoss:
    """LPIPS (Zhang et al. 2018) of images in [-1, 1]; the network stays in eval mode, without dropout."""

    name = "lpips"

    def __init__(self, network: Frozen[nn.Module]) -> None:
        self.network = network

    def __call__(self, images: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the mean over the batch, which is also the only raw term."""
        with torch.autocast(images.device.type, enabled=False):
            loss = self.network(images.float(), targets.float()).mean()
        return loss, {"vgg": loss}


Perceptual = PerceptualLoss | LpipsLoss


def build_perceptual(config: PerceptualConfig) -> Perceptual:
    """Returns the perceptual loss that ``config`` names, on its frozen network."""
    if isinstance(config, LpipsLossConfig):
        return LpipsLoss(Frozen(build_lpips(config)))
    network = Frozen(build_features(config.network))
    return PerceptualLoss(network, config.low, config.semantic, config.alpha, DISTANCES[config.distance])
