"""Training of the autoregressive prior: next-token cross-entropy (SeQ-GAN section 3.1)."""

from torch import Tensor, nn

from lit_modules.prior import Batch, LitPrior
from networks.noise import uniform
from networks.sampling import sample_causal


class LitArPrior(LitPrior):
    """Every token is predicted from those before it and the class."""

    def predict_tokens(self, network: nn.Module, batch: Batch, labels: Tensor) -> tuple[Tensor, Tensor]:
        tokens = batch["tokens"]
        return network(tokens, labels).flatten(0, 1), tokens.flatten()

    def sample(self, labels: Tensor) -> Tensor:
        prior = self.averaged_network
        noise = uniform(0, range(len(labels)), (prior.num_tokens,), "ar").to(self.device)
        return sample_causal(prior, labels, noise)
