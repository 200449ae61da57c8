"""Sampling of an AR prior never waits for the device: nothing that it does depends on a value before the end."""

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from smalti.config.priors import ArPriorNetworkConfig, LlamaConfig, SubTokenHeadConfig, TransformerConfig
from smalti.priors import CausalPrior
from smalti.samplers import causal
from smalti.samplers.causal import sample_causal
from smalti.samplers.guidance import Guidance

GPT = TransformerConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0.0)
LLAMA = LlamaConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0.0)
NETWORKS: dict[str, tuple[ArPriorNetworkConfig, int]] = {
    "gpt": (ArPriorNetworkConfig(transformer=GPT), 1),
    "llama": (ArPriorNetworkConfig(transformer=LLAMA), 1),
    "far": (ArPriorNetworkConfig(transformer=LLAMA, head=SubTokenHeadConfig(kind="ar")), 2),
    "split": (ArPriorNetworkConfig(transformer=GPT, split=(1, 3)), 1),
}


@pytest.mark.parametrize("settings", [{}, {"top_k": 4, "top_p": 0.9, "temperature": 0.7}], ids=["plain", "cut"])
@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_value_is_asked_for(
    name: str, guided: bool, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fake tensors have shapes and no values: whatever asks for one ends in an error. The check of the logits, which
    does, comes once, at the end."""
    config, books = NETWORKS[name]
    checks: list[Any] = []
    monkeypatch.setattr(causal, "check_drawable", checks.append)
    guidance = Guidance(scales=(2.0,)) if guided else Guidance()
    with FakeTensorMode():
        prior = CausalPrior(config, books, 16, 9, 3).eval()
        noise = torch.rand(2, prior.num_sub_tokens, 9)
        tokens = sample_causal(prior, torch.tensor([0, 2]), noise, guidance=guidance, **settings)
    assert tokens.shape == (2, books, 9) and len(checks) == 1
    with pytest.raises(DataDependentOutputException):
        bool(checks[0])
