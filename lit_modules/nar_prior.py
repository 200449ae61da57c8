"""Training of the non-autoregressive prior: masked token modelling (MaskGIT eq. 2)."""

from torch import Tensor

from lit_modules.prior import Batch, LitPrior, Prediction
from smalti.priors import TokenPrior
from smalti.priors.masked import random_mask
from smalti.samplers.masked import MASKGIT, sample_masked
from smalti.samplers.noise import uniform


class LitNarPrior(LitPrior):
    """Predicts the masked tokens from the others and the class; only the masked ones count in the loss."""

    def predictions(self, network: TokenPrior, batch: Batch, labels: Tensor) -> list[Prediction]:
        tokens, order = batch["tokens"], batch["token_noise"][:, 0].flatten(1)
        mask = random_mask(ratio=batch["noise"][:, 1], order=order).view_as(tokens)
        features = network.features(tokens.masked_fill(mask, network.num_codes), labels)
        return [
            Prediction(features[:, book].flatten(0, 1), weight, tokens[:, book].where(mask[:, book], -1).flatten())
            for book, weight in enumerate(network.outputs.weights())
        ]

    def sample(self, labels: Tensor) -> Tensor:
        prior = self.averaged_network
        shape = (2, MASKGIT.steps, prior.num_books, prior.num_tokens)
        noise = uniform(0, range(len(labels)), shape, "nar").to(self.device)
        return sample_masked(prior, labels, noise, MASKGIT)
