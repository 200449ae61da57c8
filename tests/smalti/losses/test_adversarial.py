"""GAN losses against closed forms."""

import math

import pytest
import torch
from torch import nn

from smalti.losses.adversarial import (
    adaptive_weight,
    gradient,
    hinge_discriminator,
    hinge_generator,
    logits_with_detached_weights,
    mean_logit_generator,
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
    for generator in (hinge_generator, non_saturating_generator, mean_logit_generator):
        fake = torch.zeros(3, 1, requires_grad=True)
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


def test_a_generator_by_mean_logits_is_one_number_an_image() -> None:
    """Against the sum written out, and its gradient: -sigmoid(-mean) / patches / images, for all patches alike."""
    logits = torch.randn(2, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    loss = mean_logit_generator(logits)
    means = [logits[image].sum().item() / 9 for image in range(2)]
    assert loss.item() == pytest.approx(sum(math.log(1 + math.exp(-mean)) for mean in means) / 2)
    loss.backward()
    assert logits.grad is not None
    for image, mean in enumerate(means):
        slope = -1 / (1 + math.exp(mean)) / 9 / 2
        torch.testing.assert_close(logits.grad[image], torch.full((1, 3, 3), slope, dtype=torch.float64))
