"""Training of the autoregressive prior: next-token cross-entropy (SeQ-GAN section 3.1)."""

from torch import Tensor

from lit_modules.prior import Batch, LitPrior, Prediction
from smalti.priors import TokenPrior
from smalti.samplers.causal import sample_causal
from smalti.samplers.noise import uniform


class LitArPrior(LitPrior):
    """Predicts each token from those before it and the class."""

    def predictions(self, network: TokenPrior, batch: Batch, labels: Tensor) -> list[Prediction]:
        tokens = batch["tokens"]
        features = network.features(tokens, labels)
        return [
            Prediction(features[:, book].flatten(0, 1), weight, tokens[:, book].flatten())
            for book, weight in enumerate(network.outputs.weights())
        ]

    def sample(self, labels: Tensor) -> Tensor:
        prior = self.averaged_network
        noise = uniform(0, range(len(labels)), (prior.num_books, prior.num_tokens), "ar").to(self.device)
        return sample_causal(prior, labels, noise)
