"""How a recipe's sampling settings reach the sampler."""

import pytest
import torch
from torch import nn

from smalti.config.priors import ArPriorNetworkConfig, TransformerConfig
from smalti.config.sampling import ArSamplingConfig
from smalti.priors.causal import CausalPrior
from smalti.samplers.causal import causal_sampler


@pytest.mark.parametrize("settings", [{"top_k_share": 0.1}, {"top_k": 2}])
def test_top_k_is_a_number_or_a_share_of_the_codes(settings: dict[str, float]) -> None:
    """Two of 20 codes: whatever is drawn, each token is one of the two likeliest after those before it."""
    shape = TransformerConfig(num_layers=1, num_heads=1, width=8, mlp_width=8, dropout=0)
    prior = CausalPrior(ArPriorNetworkConfig(transformer=shape), 1, 20, 4, 2).eval()
    for parameter in prior.parameters():
        nn.init.normal_(parameter, std=0.5)
    labels = torch.arange(16) % 2
    tokens = causal_sampler(prior, ArSamplingConfig(**settings), seed=0)(labels, range(16))  # type: ignore[arg-type]
    likeliest = prior(tokens, labels)[:, 0].topk(2).indices
    assert (likeliest == tokens[:, 0, :, None]).any(-1).all()
    free = causal_sampler(prior, ArSamplingConfig(), seed=0)(labels, range(16))
    assert not (prior(free, labels)[:, 0].topk(2).indices == free[:, 0, :, None]).any(-1).all()
