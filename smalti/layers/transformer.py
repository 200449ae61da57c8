"""The transformer block of both priors: pre-norm, learned positions, GELU (minGPT as VQGAN uses it; SeQ-GAN Table 8).

B batch, N positions, C width.
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from smalti.config.priors import TransformerConfig
from smalti.layers.attend import attend, attended_type, join_heads, split_heads


@dataclass
class KeyValueCache:
    """Keys and values of one layer, preallocated: (B, heads, N, d) each; the first ``length`` positions are filled."""

    keys: Tensor
    values: Tensor
    length: int = 0

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Stores new positions; returns all keys and values so far."""
        added = keys.shape[2]
        self.keys.narrow(2, self.length, added).copy_(keys)
        self.values.narrow(2, self.length, added).copy_(values)
        self.length += added
        return self.keys.narrow(2, 0, self.length), self.values.narrow(2, 0, self.length)


def empty_caches(like: Tensor, batch: int, num_layers: int, num_heads: int, num_positions: int) -> list[KeyValueCache]:
    """Returns one empty cache a layer; ``like`` (..., C) gives width, type and device.

    They are of the type that attention computes in: else all of them would be converted at every position.
    """
    shape, kind = (batch, num_heads, num_positions, like.shape[-1] // num_heads), attended_type(like)
    empty = partial(torch.empty, shape, dtype=kind, device=like.device)  # like.new_empty would be shared out as it is
    return [KeyValueCache(empty(), empty()) for _ in range(num_layers)]


class Attention(nn.Module):
    """Multi-head self-attention, causal or full."""

    def __init__(self, config: TransformerConfig, causal: bool) -> None:
        super().__init__()
        self.num_heads, self.causal, self.dropout = config.num_heads, causal, config.dropout
        self.query_key_value = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        q, k, v = split_heads(self.query_key_value(x), self.num_heads)
        # A cached step asks for one new position, which may see everything before it: no mask.
        causal = self.causal and q.shape[2] > 1
        if cache is not None:
            assert q.shape[2] == 1 or cache.length == 0, "a cache takes a prefix, then single positions"
            k, v = cache.append(k, v)
        dropout = self.dropout if self.training else 0.0
        return self.out(join_heads(attend(q, k, v, causal=causal, dropout=dropout)))


class Block(nn.Module):
    """x + attention(norm x), then x + mlp(norm x); (B, N, C) to the same."""

    def __init__(self, config: TransformerConfig, causal: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.attention = Attention(config, causal)
        self.mlp = nn.Sequential(
            nn.Linear(config.width, config.mlp_width), nn.GELU(), nn.Linear(config.mlp_width, config.width)
        )
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        x = x + self.drop(self.attention(self.norm1(x), cache))
        return x + self.drop(self.mlp(self.norm2(x)))


class Transformer(nn.Module):
    """Embedded positions (B, N, C), ``num_positions`` at most, to the residual stream behind all blocks (B, N, C),
    before any norm."""

    def __init__(self, config: TransformerConfig, num_positions: int, causal: bool) -> None:
        super().__init__()
        self.config = config
        self.positions = nn.Parameter(torch.zeros(num_positions, config.width))
        self.drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config, causal) for _ in range(config.num_layers))

    def new_caches(self, batch: int) -> list[KeyValueCache]:
        """Returns one empty cache a layer, as long as the transformer has positions."""
        return empty_caches(self.positions, batch, len(self.blocks), self.config.num_heads, len(self.positions))

    def forward(self, x: Tensor, caches: list[KeyValueCache] | None = None) -> Tensor:
        start = caches[0].length if caches else 0
        x = self.drop(x + self.positions[start : start + x.shape[1]])
        for layer, block in enumerate(self.blocks):
            x = block(x, caches[layer] if caches else None)
        return x


def initialise(network: nn.Module) -> None:
    """GPT-2's initialisation, as VQGAN's: N(0, 0.02) for linear and embedding weights, zero biases."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
