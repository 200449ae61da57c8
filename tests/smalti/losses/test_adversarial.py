"""GAN losses against closed forms."""

import torch
from torch import nn

from smalti.losses.adversarial import (
    adaptive_weight,
    gradient,
    hinge_discriminator,
    hinge_generator,
    logits_with_detached_weights,
    non_saturating_discriminator,
    non_saturating_generator,
    r1_penalty,
)


def test_discriminators_learn_from_both_sides() -> None:
    """LlamaGen's non-saturating loss has swapped arguments: its gradient on fakes is 0. Not here."""
    for loss in (hinge_discriminator, non_saturating_discriminator):
        real, fake = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
        loss(real, fake).backward()
        assert real.grad is not None and (real.grad < 0).all()
        assert fake.grad is not None and (fake.grad > 0).all()
    for generator in (hinge_generator, non_saturating_generator):
        fake = torch.zeros(3, requires_grad=True)
        generator(fake).backward()
        assert fake.grad is not None and (fake.grad < 0).all()


def test_logits_with_detached_weights_move_the_images_alone() -> None:
    network = nn.Conv2d(3, 1, 3)
    images = torch.randn(2, 3, 8, 8, requires_grad=True)
    logits_with_detached_weights(network, images).sum().backward()
    assert images.grad is not None and network.weight.grad is None
    torch.testing.assert_close(logits_with_detached_weights(network, images), network(images))


def test_r1_of_a_linear_network_is_its_weight() -> None:
    """D(x) = w . x has gradient w everywhere: the penalty is |w|^2, and its gradient 2 w."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 1))
    weight = network[1].weight
    penalty = r1_penalty(network, torch.randn(5, 3, 2, 2))
    torch.testing.assert_close(penalty, weight.square().sum())
    (gradient,) = torch.autograd.grad(penalty, weight)
    torch.testing.assert_close(gradient, 2 * weight)


def test_adaptive_weight_balances_and_is_capped() -> None:
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    assert gradient((weight * weight).sum() / 2, weight).norm().item() == 5.0
    assert adaptive_weight(torch.tensor(2.0), torch.tensor(0.9999), 10.0).item() == 2.0
    assert adaptive_weight(torch.tensor(2.0), torch.tensor(0.0), 10.0).item() == 10.0
