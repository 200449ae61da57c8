"""Blocks that are computed again: the same gradients to the bit, dropout too, and less kept in between."""

import pytest
import torch
from torch import Tensor, nn

from smalti.config.prior_kinds import PRIOR_KINDS, TokenSpace
from smalti.config.priors import (
    ArPriorNetworkConfig,
    LlamaConfig,
    NarPriorNetworkConfig,
    SubTokenHeadConfig,
    TransformerConfig,
)
from smalti.layers.recomputed import recompute_blocks

GPT = TransformerConfig(num_layers=3, num_heads=2, width=32, mlp_width=64, dropout=0.3)
LLAMA = LlamaConfig(num_layers=3, num_heads=2, width=32, mlp_width=64, dropout=0.3)
NETWORKS = {
    "gpt": ("ar", ArPriorNetworkConfig(transformer=GPT)),
    "far": ("ar", ArPriorNetworkConfig(transformer=LLAMA, embedding="concat", head=SubTokenHeadConfig(kind="ar"))),
    "nar": ("nar", NarPriorNetworkConfig(transformer=GPT)),
}


def build(name: str) -> nn.Module:
    kind, config = NETWORKS[name]
    books = 2 if name == "far" else 1
    torch.manual_seed(2)
    network: nn.Module = PRIOR_KINDS[kind].build(
        config, TokenSpace(num_books=books, num_codes=7, num_tokens=64, num_classes=2)
    )
    for value in network.parameters():
        nn.init.normal_(value, std=0.2)
    return network


def step(network: nn.Module, books: int) -> tuple[Tensor, list[Tensor], int]:
    """Returns the loss, all gradients, and the bytes that are kept for the backward pass."""
    tokens = torch.randint(7, (8, books, 64), generator=torch.Generator().manual_seed(0))
    kept: dict[int, int] = {}

    def keep(value: Tensor) -> Tensor:
        kept[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        return value

    torch.manual_seed(5)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        loss = network.features(tokens, torch.zeros(8, dtype=torch.int64)).square().mean()  # type: ignore[operator]
    held = sum(kept.values())
    loss.backward()
    return loss.detach(), [value.grad for value in network.parameters() if value.grad is not None], held


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_the_same_and_less_is_kept(name: str) -> None:
    books = 2 if name == "far" else 1
    plain, again = build(name).train(), build(name).train()
    recompute_blocks(again)
    loss, gradients, held = step(plain, books)
    other, others, held_again = step(again, books)
    assert torch.equal(loss, other) and len(gradients) == len(others)
    assert all(torch.equal(a, b) for a, b in zip(gradients, others, strict=True))
    assert held_again < held / 2
    assert plain.state_dict().keys() == again.state_dict().keys()


def test_without_gradients_nothing_changes() -> None:
    plain, again = build("gpt").eval(), build("gpt").eval()
    recompute_blocks(again)
    tokens, labels = torch.zeros(1, 1, 64, dtype=torch.int64), torch.zeros(1, dtype=torch.int64)
    with torch.no_grad():
        assert torch.equal(plain(tokens, labels), again(tokens, labels))


def test_a_network_without_blocks() -> None:
    with pytest.raises(ValueError, match=r"runtime\.recompute: Sequential has no row of blocks"):
        recompute_blocks(nn.Sequential(nn.Linear(1, 1)))
