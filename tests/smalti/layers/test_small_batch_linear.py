"""Linear layers for a handful of rows give what nn.Linear gives."""

import copy

import pytest
import torch
from torch import nn

from smalti.config.priors import ArPriorNetworkConfig, LlamaConfig, TransformerConfig
from smalti.layers.small_batch_linear import ROWS, SmallBatchLinear, for_small_batches
from smalti.priors.causal import CausalPrior
from smalti.samplers.causal import sample_causal
from smalti.samplers.noise import uniform


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1,), (2,), (3, 4), (ROWS,), (ROWS + 1,)])
def test_the_map_is_the_linear_layers(shape: tuple[int, ...], bias: bool) -> None:
    linear = nn.Linear(7, 5, bias=bias).double()
    x = torch.randn(*shape, 7, dtype=torch.float64)
    found, expected = SmallBatchLinear(linear)(x), linear(x)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert found.stride() == expected.stride()


@pytest.mark.parametrize("bias", [True, False])
def test_one_row_in_bfloat16_is_the_linear_layers(bias: bool) -> None:
    linear = nn.Linear(64, 48, bias=bias).bfloat16()
    x = torch.randn(1, 1, 64).bfloat16()
    expected = nn.functional.linear(x.float(), linear.weight.float(), linear.bias.float() if bias else None)
    found = SmallBatchLinear(linear)(x)
    assert found.shape == (1, 1, 48) and found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("kind", [TransformerConfig, LlamaConfig])
def test_a_prior_for_few_rows_samples_the_same_tokens(kind: type[TransformerConfig] | type[LlamaConfig]) -> None:
    """In float64 no order of sums decides between two tokens."""
    shape = kind(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0)
    prior = CausalPrior(ArPriorNetworkConfig(transformer=shape), 1, 32, 9, 3).double().eval()
    for parameter in prior.parameters():
        nn.init.normal_(parameter, std=0.3)
    fast = for_small_batches(copy.deepcopy(prior))
    assert any(isinstance(module, SmallBatchLinear) for module in fast.modules())
    labels, noise = torch.tensor([0, 1, 2, 1]), uniform(0, range(4), (1, 9), "ar")
    assert torch.equal(sample_causal(fast, labels, noise), sample_causal(prior, labels, noise))
