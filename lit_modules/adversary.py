"""The adversarial part of a reconstruction training: both halves of the GAN, its warm-up and its weight."""

import torch
from torch import Tensor, nn

from configs.schema.training import GanConfig
from smalti.collectives import all_mean
from smalti.losses.adversarial import (
    ADVERSARIAL_LOSSES,
    adaptive_weight,
    gradient,
    logits_with_detached_weights,
    r1_penalty,
)
from smalti.losses.lecam import LeCam


class Adversary(nn.Module):
    """A discriminator and the two losses of a GAN; ``config`` gives their weights and starts.

    Each loss is returned with its raw, unweighted terms by name.
    """

    def __init__(self, discriminator: nn.Module, config: GanConfig) -> None:
        super().__init__()
        self.discriminator, self.config = discriminator, config
        self.loss = ADVERSARIAL_LOSSES[config.loss]
        self.lecam = LeCam(config.lecam_decay) if config.lecam_weight else None

    def learns(self, update: int) -> bool:
        """Returns whether the discriminator is trained at this update."""
        return update >= self.config.discriminator_start

    def weight(self, update: int) -> float:
        """Returns the weight of the generator's GAN loss before adaptation: 0 until its start, then rising over the
        ramp."""
        since_start = update - self.config.generator_start
        if since_start < 0:
            return 0.0
        ramp = min(1.0, (since_start + 1) / (self.config.ramp + 1))
        return self.config.weight * ramp

    def generator_loss(
        self, fake: Tensor, reconstruction_loss: Tensor, last_layer: Tensor, update: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the generator's weighted GAN loss, 0 before its start.

        The adaptive weight balances its gradient at ``last_layer`` against that of ``reconstruction_loss`` (VQGAN
        eq. 7).
        """
        weight = self.weight(update)
        if weight == 0:
            return fake.new_zeros(()), {}
        loss = self.loss.generator(logits_with_detached_weights(self.discriminator, fake))
        terms = {"gan/generator": loss.detach()}
        if not self.config.adaptive:
            terms["gan/weight"] = fake.new_tensor(weight)
            return weight * loss, terms
        # Norms of the mean gradients, as DDP applies them: the mean of the ranks' norms would be larger.
        reconstruction_norm = all_mean(gradient(reconstruction_loss, last_layer)).norm()
        generator_norm = all_mean(gradient(loss, last_layer)).norm()
        scale = adaptive_weight(reconstruction_norm, generator_norm, self.config.adaptive_ceiling)
        terms |= {"gan/reconstruction_gradient": reconstruction_norm, "gan/generator_gradient": generator_norm}
        terms["gan/weight"] = scale * weight
        return scale * weight * loss, terms

    def discriminator_loss(self, real: Tensor, fake: Tensor, update: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the discriminator's loss, without gradient to the generator.

        Before its start this is 0 times the sum of its weights, since DDP wants each of them in the graph.
        """
        if not self.learns(update):
            return torch.stack([p.sum() for p in self.discriminator.parameters()]).sum() * 0.0, {}
        real_logits, fake_logits = self.discriminator(real), self.discriminator(fake.detach())
        loss = self.loss.discriminator(real_logits, fake_logits)
        terms = {
            "gan/discriminator": loss.detach(),
            "gan/real_logit": real_logits.detach().mean(),
            "gan/fake_logit": fake_logits.detach().mean(),
        }
        config = self.config
        if self.lecam is not None:
            lecam = self.lecam(real_logits, fake_logits)
            loss = loss + config.lecam_weight * lecam
            terms["gan/lecam"] = lecam.detach()
        if config.r1_weight and update % config.r1_every == 0:
            penalty = r1_penalty(self.discriminator, real)
            loss = loss + config.r1_weight / 2 * config.r1_every * penalty
            terms["gan/r1"] = penalty.detach()
        return loss, terms
