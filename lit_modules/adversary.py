"""The adversarial part of a reconstruction training: both halves of the GAN, its warm-up and its weight."""

import torch
from torch import Tensor, nn

from configs.schema.training import GanConfig
from smalti.collectives import all_mean
from smalti.losses.adversarial import ADVERSARIAL_LOSSES, adaptive_weight, gradient, judge_detached, r1_penalty


class Adversary(nn.Module):
    """A discriminator with its losses; weights and starts come from ``GanConfig``."""

    def __init__(self, discriminator: nn.Module, config: GanConfig) -> None:
        super().__init__()
        self.discriminator, self.config = discriminator, config
        self.loss = ADVERSARIAL_LOSSES[config.loss]

    def learns(self, update: int) -> bool:
        """Returns whether the discriminator is trained at this update."""
        return update >= self.config.discriminator_start

    def weight(self, update: int) -> float:
        """Returns the generator's GAN weight before adaptation: 0 until its start, then rising over the ramp."""
        since = update - self.config.generator_start
        if since < 0:
            return 0.0
        ramp = min(1.0, (since + 1) / (self.config.ramp + 1))
        return self.config.weight * ramp

    def generator_term(
        self, fake: Tensor, reconstruction: Tensor, last_layer: Tensor, update: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the weighted GAN loss of the generator and its raw terms.

        ``reconstruction`` is the loss that the adaptive weight balances against, by gradients averaged over ranks.
        """
        weight = self.weight(update)
        if weight == 0:
            return fake.new_zeros(()), {}
        loss = self.loss.generator(judge_detached(self.discriminator, fake))
        logs = {"gan/generator": loss.detach()}
        if self.config.adaptive:
            # Of the mean gradients, as DDP will apply them: a mean of the ranks' norms would be larger.
            norms = [all_mean(gradient(part, last_layer)).norm() for part in (reconstruction, loss)]
            scale = adaptive_weight(norms[0], norms[1], self.config.adaptive_ceiling)
            logs |= {"gan/reconstruction_gradient": norms[0], "gan/generator_gradient": norms[1]}
            logs["gan/weight"] = scale * weight
            return scale * weight * loss, logs
        logs["gan/weight"] = fake.new_tensor(weight)
        return weight * loss, logs

    def discriminator_term(self, real: Tensor, fake: Tensor, update: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the discriminator's loss and its raw terms; real and fake are detached from the generator.

        Before its start the loss is zero times the parameters: DDP still sees each of them in the graph.
        """
        if not self.learns(update):
            return torch.stack([p.sum() for p in self.discriminator.parameters()]).sum() * 0.0, {}
        real_logits, fake_logits = self.discriminator(real), self.discriminator(fake.detach())
        loss = self.loss.discriminator(real_logits, fake_logits)
        logs = {
            "gan/discriminator": loss.detach(),
            "gan/real_logit": real_logits.detach().mean(),
            "gan/fake_logit": fake_logits.detach().mean(),
        }
        config = self.config
        if config.r1_weight and update % config.r1_every == 0:
            penalty = r1_penalty(self.discriminator, real)
            loss = loss + config.r1_weight / 2 * config.r1_every * penalty
            logs["gan/r1"] = penalty.detach()
        return loss, logs
