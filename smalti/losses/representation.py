"""Pretrained networks whose image features the codes of a book learn to predict (FQGAN section 3.3)."""

import torch
from torch import Tensor, distributed

from smalti.collectives import gather_rows, several_ranks
from smalti.config.losses import RepresentationConfig
from smalti.features import FeatureNetwork, build_features
from smalti.layers.frozen import Frozen
from smalti.losses.feature_predictor import info_nce


class Teacher:
    """The loss of one predictor: InfoNCE against one tap of a network, with negatives of all ranks or of this one."""

    def __init__(self, network: Frozen[FeatureNetwork], config: RepresentationConfig) -> None:
        self.network, self.tap, self.weight = network, config.tap, config.weight
        self.temperature, self.negatives = config.temperature, config.negatives
        self.name = f"{network.network.source.name}/{config.book}"

    def loss(self, predicted: Tensor, images: Tensor) -> Tensor:
        """Returns the loss of predicted features (B, C) for ``images`` (B, 3, H, W) in [-1, 1]."""
        with torch.no_grad():
            targets = self.network(images, [self.tap])[self.tap]
        own = torch.arange(len(images), device=images.device)
        if self.negatives == "global" and several_ranks():
            own = own + len(images) * distributed.get_rank()
            targets = gather_rows(targets)
        return info_nce(predicted, targets, own, self.temperature)


def build_teacher(config: RepresentationConfig) -> Teacher:
    """Returns the teacher that ``config`` describes."""
    return Teacher(Frozen(build_features(config.network)), config)
