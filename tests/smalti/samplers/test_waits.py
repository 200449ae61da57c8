"""Where a GPU's host would wait: drawing tokens on a device that has shapes and no values, which can't tell any value.

PyTorch's fake tensors of kind cuda need no GPU; they also refuse operations between devices.
"""

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from smalti.config.priors import ArPriorNetworkConfig, LlamaConfig, SubTokenHeadConfig, TransformerConfig
from smalti.priors.causal import CausalPrior
from smalti.samplers import causal
from smalti.samplers.guidance import Guidance

GPT = TransformerConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0)
LLAMA = LlamaConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0)
PRIORS = {
    "gpt": (ArPriorNetworkConfig(transformer=GPT), 1),
    "llama": (ArPriorNetworkConfig(transformer=LLAMA), 1),
    "split": (ArPriorNetworkConfig(transformer=GPT, split=(1, 3)), 1),
    **{
        f"{kind} head": (ArPriorNetworkConfig(transformer=LLAMA, head=SubTokenHeadConfig(kind=kind)), 2)
        for kind in ("ar", "mlp", "linear")
    },
}


@pytest.mark.parametrize("name", PRIORS)
def test_no_token_makes_the_host_wait(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One look at the values of a batch, after its last token; filters and guidance need none."""
    looks: list[Tensor] = []
    monkeypatch.setattr(causal, "check_drawable", looks.append)
    config, books = PRIORS[name]
    with FakeTensorMode():
        with torch.device("cuda"):
            prior = CausalPrior(config, books, 16, 9, 5).eval()
            labels, noise = torch.zeros(3, dtype=torch.int64), torch.rand(3, prior.num_sub_tokens, 9)
        tokens = causal.sample_causal(
            prior, labels, noise, temperature=0.9, top_k=4, top_p=0.9, guidance=Guidance((2.0,), "power_cosine")
        )
        with pytest.raises(DataDependentOutputException):
            bool(looks[0])
    assert tokens.shape == (3, books, 9) and tokens.device.type == "cuda" and len(looks) == 1
