"""Training of the autoregressive prior: next-token cross-entropy (SeQ-GAN section 3.1)."""

import torch
from torch import Tensor

from configs.schema.ar_prior import ArPriorConfig
from lit_modules.prior import Batch, LitPrior, Prediction
from smalti.priors import TokenPrior
from smalti.samplers.causal import sample_causal
from smalti.samplers.noise import uniform


def replace_tokens(tokens: Tensor, noise: Tensor, pkeep: float, num_codes: int) -> Tensor:
    """Returns tokens (B, k, N) of which each stays with probability ``pkeep``, and else is any of ``num_codes``.

    Args:
        noise: (B, 2, k, N), uniform in [0, 1): whether a token stays, and what replaces it.

    >>> noise = torch.tensor([[[[0.1, 0.85]], [[0.3, 0.3]]]])
    >>> replace_tokens(torch.tensor([[[7, 7]]]), noise, 0.8, 10).tolist()
    [[[7, 3]]]
    """
    stays, others = noise.unbind(1)
    return torch.where(stays < pkeep, tokens, (others.double() * num_codes).long())


class LitArPrior(LitPrior):
    """Predicts each token from the class and those before it, of which training replaces a share of 1 - ``pkeep``."""

    config: ArPriorConfig

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        given = replace_tokens(batch["tokens"], batch["token_noise"], self.config.pkeep, self.network.num_codes)
        super().training_step({**batch, "given": given}, batch_idx)

    def predictions(self, network: TokenPrior, batch: Batch, labels: Tensor) -> list[Prediction]:
        tokens = batch["tokens"]
        features, targets = network.features(batch.get("given", tokens), labels), network.sub_tokens(tokens)
        return [
            Prediction(features[:, number].flatten(0, 1), weight, targets[:, number].flatten())
            for number, weight in enumerate(network.outputs.weights())
        ]

    def sample(self, labels: Tensor) -> Tensor:
        prior = self.averaged_network
        noise = uniform(0, range(len(labels)), (prior.num_sub_tokens, prior.num_tokens), "ar").to(self.device)
        return sample_causal(prior, labels, noise)
