"""Sharing a network out, in a group of one rank; two ranks are in tests/reliability/test_sharded.py."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor

from lit_modules.sharing import collected, give_back, part_for, share_out, whole
from smalti.config.priors import ArPriorNetworkConfig, LlamaConfig, SubTokenHeadConfig
from smalti.priors.causal import CausalPrior
from smalti.samplers.causal import sample_causal

NETWORK = ArPriorNetworkConfig(
    transformer=LlamaConfig(num_layers=1, num_heads=2, width=16, mlp_width=32, dropout=0),
    head=SubTokenHeadConfig(kind="ar", num_layers=1),
)


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[DeviceMesh]:
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    distributed.destroy_process_group()


def pair(mesh: DeviceMesh) -> tuple[CausalPrior, Any]:
    """A prior of two books, and the same shared out."""
    plain, shared = CausalPrior(NETWORK, 2, 8, 4, 3), CausalPrior(NETWORK, 2, 8, 4, 3)
    for weight in plain.outputs.parameters():
        nn.init.normal_(weight)
    shared.load_state_dict(plain.state_dict())
    share_out(shared, mesh)
    return plain, shared


def test_features_gradients_and_samples_are_the_same(mesh: DeviceMesh) -> None:
    """Whatever is called from outside: weights lent to the loss, one position at a time, and an update in between."""
    plain, shared = pair(mesh)
    tokens, labels = torch.randint(8, (2, 2, 4)), torch.tensor([0, 2])
    assert all(isinstance(weight, DTensor) for weight in shared.parameters())
    optimizers = [torch.optim.AdamW(network.parameters(), lr=0.1) for network in (plain, shared)]
    for network, optimizer in zip((plain, shared), optimizers, strict=True):
        features, weights = network.features(tokens, labels), network.outputs.weights()
        sum((features[:, i] @ weight.T).square().mean() for i, weight in enumerate(weights)).backward()  # type: ignore[union-attr]
        network.features(tokens, labels)  # once more, as a validation does
        if network is shared:
            assert not any(isinstance(weight, DTensor) for weight in network.outputs.weights())
            give_back(network)
        optimizer.step()
        optimizer.zero_grad()
    drawn = [sample_causal(network, labels, torch.full((2, 2, 4), 0.4)) for network in (plain, shared)]
    assert torch.equal(*drawn)
    give_back(shared)
    for (name, one), two in zip(plain.named_parameters(), shared.parameters(), strict=True):
        torch.testing.assert_close(whole(two), one, msg=name)


@pytest.mark.parametrize("keep", [True, False])
def test_a_state_is_collected_by_one_rank(keep: bool, mesh: DeviceMesh) -> None:
    """In DDP's form, from which each takes its part again."""
    plain, shared = pair(mesh)
    state = {"weights": shared.state_dict(), "steps": [torch.tensor(3), 4]}
    found = collected(state, keep)
    assert found["steps"] == [torch.tensor(3), 4]
    for name, weight in shared.named_parameters():
        value = found["weights"][name]
        assert not isinstance(value, DTensor) and value.shape == (weight.shape if keep else (0,))
        if keep:
            assert torch.equal(value, plain.state_dict()[name])
            part = part_for(weight, value)
            assert (
                isinstance(part, DTensor) and part.placements == weight.placements and torch.equal(whole(part), value)
            )
    weight = next(iter(shared.parameters()))
    assert part_for(weight, 0.9) == 0.9 and not isinstance(part_for(weight, torch.tensor(3.0)), DTensor)
    plain_weight = next(iter(plain.parameters()))
    assert part_for(plain_weight, plain_weight) is plain_weight is whole(plain_weight)
