"""Training of the non-autoregressive prior: masked token modelling (MaskGIT eq. 2)."""

from torch import Tensor

from lit_modules.prior import Batch, LitPrior, Readout
from smalti.priors import TokenPrior
from smalti.priors.masked import random_mask
from smalti.samplers.masked import MASKGIT, sample_masked
from smalti.samplers.noise import uniform


class LitNarPrior(LitPrior):
    """The masked tokens are predicted from the others and the class; the loss is on the masked ones alone."""

    def readouts(self, network: TokenPrior, batch: Batch, labels: Tensor) -> list[Readout]:
        tokens, noise = batch["tokens"], batch["noise"]
        mask = random_mask(ratio=noise[:, 1], order=noise[:, 2:]).view_as(tokens)
        features = network.features(tokens.masked_fill(mask, network.num_codes), labels)
        return [
            Readout(features[:, i].flatten(0, 1), weight, tokens[:, i].where(mask[:, i], -1).flatten())
            for i, weight in enumerate(network.outputs.weights())
        ]

    def sample(self, labels: Tensor) -> Tensor:
        prior = self.averaged_network
        noise = uniform(0, range(len(labels)), (2, MASKGIT.steps, prior.num_books, prior.num_tokens), "nar").to(
            self.device
        )
        return sample_masked(prior, labels, noise, MASKGIT)
