"""Training of the non-autoregressive prior: masked token modelling (MaskGIT eq. 2)."""

from torch import Tensor, nn

from lit_modules.prior import Batch, LitPrior
from networks.noise import uniform
from networks.priors.masked import MaskedPrior, random_mask
from networks.sampling import MASKGIT, sample_masked


class LitNarPrior(LitPrior):
    """The masked tokens are predicted from the others and the class; the loss is on the masked ones alone."""

    def predict_tokens(self, network: nn.Module, batch: Batch, labels: Tensor) -> tuple[Tensor, Tensor]:
        assert isinstance(network, MaskedPrior)
        tokens, noise = batch["tokens"], batch["noise"]
        mask = random_mask(ratio=noise[:, 1], order=noise[:, 2:])
        logits = network(tokens.masked_fill(mask, network.num_codes), labels)
        return logits[mask], tokens[mask]

    def sample(self, labels: Tensor) -> Tensor:
        prior = self.averaged_network
        noise = uniform(0, range(len(labels)), (2, MASKGIT.steps, prior.num_tokens), "nar").to(self.device)
        return sample_masked(prior, labels, noise, MASKGIT)
