"""LlamaGen's transformer: RMSNorm, SwiGLU, rotary positions on the token grid (Sun et al. 2024, section 2.2), as
released in FoundationVision/LlamaGen.

B batch, N positions, C width, d channels of a head. No biases.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.config.priors import LlamaConfig
from smalti.layers.attend import attend, join_heads, split_heads
from smalti.layers.transformer import KeyValueCache, empty_caches


def grid_rotations(side: int, num_positions: int, head_dim: int, base: float = 10_000.0) -> Tensor:
    """Returns complex numbers (``num_positions``, d/2): what each pair of channels of a query or key is multiplied by.

    Position 0 is the condition. LlamaGen's code gives it zeros, so that its query and key vanish: it looks at all that
    it may see alike, and everyone sees it with score 0. The other numbers are rotations over a ``side`` x ``side`` grid
    in raster order: the first half of the pairs turns with the row, the second with the column, at frequencies
    base^(-2i / (d/2)).

    Raises:
        ValueError: a head whose channels don't split into two halves of pairs.
    """
    if head_dim % 4:
        raise ValueError(f"heads of {head_dim} channels: 2-D rotary positions need a multiple of 4")
    frequencies = base ** -(torch.arange(0, head_dim // 2, 2, dtype=torch.float64) / (head_dim // 2))
    place = torch.arange(num_positions - 1, dtype=torch.float64)
    rows, columns = torch.outer(place // side, frequencies), torch.outer(place % side, frequencies)
    angles = torch.cat([rows, columns], dim=1)
    turns = torch.polar(torch.ones_like(angles), angles)
    return torch.cat([torch.zeros_like(turns[:1]), turns]).to(torch.complex64)


def rotate(x: Tensor, rotations: Tensor) -> Tensor:
    """Returns x (B, heads, N, d) with neighbouring channels, as complex numbers, times ``rotations`` (N, d/2)."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * rotations).flatten(-2).to(x.dtype)


class RMSNorm(nn.RMSNorm):
    """Root-mean-square norm in float32 whatever the autocast."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), self.normalized_shape, self.weight.float(), self.eps).to(x.dtype)


class LlamaBlock(nn.Module):
    """x + attention(norm x), then x + SwiGLU(norm x); (B, N, C) to the same."""

    def __init__(self, config: LlamaConfig, causal: bool) -> None:
        super().__init__()
        width = config.width
        self.num_heads, self.causal = config.num_heads, causal
        self.norm1, self.norm2 = RMSNorm(width), RMSNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.gate_up = nn.Linear(width, 2 * config.mlp_width, bias=False)
        self.down = nn.Linear(config.mlp_width, width, bias=False)
        self.drop = nn.Dropout(config.dropout)

    def attention(self, x: Tensor, rotations: Tensor, cache: KeyValueCache | None) -> Tensor:
        """Returns self-attention of x (B, N, C); a cache holds rotated keys."""
        q, k, v = split_heads(self.query_key_value(x), self.num_heads)
        q, k = rotate(q, rotations), rotate(k, rotations)
        causal = self.causal and q.shape[2] > 1
        if cache is not None:
            assert q.shape[2] == 1 or cache.length == 0, "a cache takes a prefix, then single positions"
            k, v = cache.append(k, v)
        return self.out(join_heads(attend(q, k, v, causal=causal)))

    def forward(self, x: Tensor, rotations: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        x = x + self.drop(self.attention(self.norm1(x), rotations, cache))
        gate, up = self.gate_up(self.norm2(x)).chunk(2, dim=-1)
        return x + self.drop(self.down(F.silu(gate) * up))


class LlamaTransformer(nn.Module):
    """Embedded positions (B, N, C) to the residual stream behind all blocks (B, N, C), before any norm.

    Position 0 is the condition, then a square grid.
    """

    rotations: Tensor

    def __init__(self, config: LlamaConfig, num_positions: int, side: int, causal: bool) -> None:
        super().__init__()
        self.config, self.num_positions = config, num_positions
        table = grid_rotations(side, num_positions, config.width // config.num_heads)
        self.register_buffer("rotations", table, persistent=False)
        self.drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(LlamaBlock(config, causal) for _ in range(config.num_layers))

    def new_caches(self, batch: int) -> list[KeyValueCache]:
        """Returns one empty cache a layer, as long as the transformer has positions."""
        like = cast(LlamaBlock, self.blocks[0]).norm1.weight
        return empty_caches(like, batch, len(self.blocks), self.config.num_heads, self.num_positions)

    def forward(self, x: Tensor, caches: list[KeyValueCache] | None = None) -> Tensor:
        start = caches[0].length if caches else 0
        rotations = self.rotations[start : start + x.shape[1]]
        x = self.drop(x)
        for layer, block in enumerate(self.blocks):
            x = block(x, rotations, caches[layer] if caches else None)
        return x
