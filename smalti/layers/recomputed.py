"""Activation checkpointing: a block's insides are computed again in the backward pass, not kept (Chen et al. 2016)."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


def repeated_blocks(network: nn.Module) -> Iterator[nn.Module]:
    """Yields the blocks that a network runs through one after another: those of each list ``blocks`` in it."""
    for part in network.modules():
        blocks = getattr(part, "blocks", None)
        if isinstance(blocks, nn.ModuleList):
            yield from blocks


def recompute_blocks(network: nn.Module) -> None:
    """Makes each block keep its input alone, wherever gradients are taken; values, gradients and dropout are the same.

    Memory for activations falls to about one block's; a forward pass more is computed, a third more in all. To be
    called last: a copy of the network made later would call this one's blocks.

    Raises:
        ValueError: a network without a row of blocks.
    """
    blocks = list(repeated_blocks(network))
    if not blocks:
        raise ValueError(
            f"runtime.recompute: {type(network).__name__} has no row of blocks to compute again; leave it out"
        )
    for block in blocks:
        block.forward = _recomputed(block.forward)


def _recomputed(forward: Callable[..., Any]) -> Callable[..., Any]:
    def call(*inputs: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*inputs)
        return checkpoint(forward, *inputs, use_reentrant=False)

    return call
