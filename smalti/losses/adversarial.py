"""Adversarial losses as pure functions of logits."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Returns (mean relu(1 - real) + mean relu(1 + fake)) / 2 (Lim & Ye 2017).

    >>> hinge_discriminator(torch.tensor([2.0]), torch.tensor([0.0])).item()
    0.5
    """
    return (F.relu(1 - real).mean() + F.relu(1 + fake).mean()) / 2


def hinge_generator(fake: Tensor) -> Tensor:
    """Returns -mean fake (Lim & Ye 2017)."""
    return -fake.mean()


def non_saturating_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Returns mean softplus(-real) + mean softplus(fake) (Goodfellow et al. 2014).

    >>> round(non_saturating_discriminator(torch.zeros(1), torch.zeros(1)).item(), 4)  # 2 ln 2
    1.3863
    """
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def non_saturating_generator(fake: Tensor) -> Tensor:
    """Returns mean softplus(-fake) (Goodfellow et al. 2014)."""
    return F.softplus(-fake).mean()


def mean_logit_generator(fake: Tensor) -> Tensor:
    """Returns the mean over images of softplus(-mean logit), logits (B, ...) (Open-MAGVIT2's and IBQ's code).

    A patch that is taken for real makes up for one that isn't; in ``non_saturating_generator`` each counts by itself.

    >>> round(mean_logit_generator(torch.tensor([[9.0, -9.0]])).item(), 4)  # ln 2
    0.6931
    """
    return F.softplus(-fake.flatten(1).mean(1)).mean()


@dataclass(frozen=True)
class AdversarialLoss:
    """The two halves of one GAN loss."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


ADVERSARIAL_LOSSES = {
    "hinge": AdversarialLoss(hinge_discriminator, hinge_generator),
    "non_saturating": AdversarialLoss(non_saturating_discriminator, non_saturating_generator),
    "hinge_softplus": AdversarialLoss(hinge_discriminator, mean_logit_generator),
}


def logits_with_detached_weights(discriminator: nn.Module, images: Tensor) -> Tensor:
    """Returns the discriminator's logits, whose gradient reaches the images but not the discriminator's weights.

    With the weights detached, one backward pass serves both networks, and plain DDP sees each parameter once.
    """
    detached = {name: parameter.detach() for name, parameter in discriminator.named_parameters()}
    return functional_call(discriminator, detached, (images,))


def r1_penalty(discriminator: nn.Module, images: Tensor) -> Tensor:
    """Returns the mean over real images of |grad_x D(x)|^2 (Mescheder et al. 2018, eq. 9), float32."""
    with torch.autocast(images.device.type, enabled=False):
        images = images.float().requires_grad_(True)
        logits = discriminator(images)
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        return gradient.square().sum(dim=(1, 2, 3)).mean()


def gradient(loss: Tensor, weight: Tensor) -> Tensor:
    """Returns d loss / d weight, float32, and keeps the graph."""
    return torch.autograd.grad(loss, weight, retain_graph=True)[0].float()


def adaptive_weight(reconstruction_norm: Tensor, adversarial_norm: Tensor, ceiling: float) -> Tensor:
    """Returns |grad L_rec| / (|grad L_gan| + 1e-4), at most ``ceiling`` (VQGAN eq. 7; its code caps at 1e4)."""
    return (reconstruction_norm / (adversarial_norm + 1e-4)).clamp(max=ceiling).detach()
