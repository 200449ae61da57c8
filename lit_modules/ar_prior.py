"""Training of the autoregressive prior: next-token cross-entropy (SeQ-GAN section 3.1)."""

from torch import Tensor

from lit_modules.prior import Batch, LitPrior, Readout
from smalti.priors import TokenPrior
from smalti.samplers.causal import sample_causal
from smalti.samplers.noise import uniform


class LitArPrior(LitPrior):
    """Every token is predicted from those before it and the class."""

    def readouts(self, network: TokenPrior, batch: Batch, labels: Tensor) -> list[Readout]:
        tokens = batch["tokens"]
        features = network.features(tokens, labels)
        return [
            Readout(features[:, i].flatten(0, 1), weight, tokens[:, i].flatten())
            for i, weight in enumerate(network.outputs.weights())
        ]

    def sample(self, labels: Tensor) -> Tensor:
        prior = self.averaged_network
        noise = uniform(0, range(len(labels)), (prior.num_books, prior.num_tokens), "ar").to(self.device)
        return sample_causal(prior, labels, noise)
