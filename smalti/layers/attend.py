"""Scaled dot-product attention, in the precision that is fast where it runs."""

import torch
from torch import Tensor
from torch.nn import functional as F


def split_heads(fused: Tensor, num_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns queries, keys and values (B, heads, N, d) of a fused projection (B, N, 3 heads d); views, by plain
    PyTorch, because decoding calls this for every layer and token."""
    b, n, _ = fused.shape
    q, k, v = fused.view(b, n, 3, num_heads, -1).permute(2, 0, 3, 1, 4).unbind()
    return q, k, v


def join_heads(x: Tensor) -> Tensor:
    """Returns (B, N, heads d) of (B, heads, N, d)."""
    return x.transpose(1, 2).flatten(2)


def attended_type(x: Tensor) -> torch.dtype:
    """Returns the type in which attention over tensors like ``x`` is computed: on the CPU at least float32."""
    return torch.promote_types(x.dtype, torch.float32) if x.device.type == "cpu" else x.dtype


def attend(query: Tensor, key: Tensor, value: Tensor, *, causal: bool = False, dropout: float = 0.0) -> Tensor:
    """Returns softmax(q k^T / sqrt d) v for (..., N, d) each (Vaswani et al. 2017, eq. 1).

    On the CPU always in float32: there PyTorch's bfloat16 backward takes several times as long.
    """
    if query.device.type == "cpu" and (torch.is_autocast_enabled("cpu") or query.dtype != torch.float32):
        dtype = query.dtype
        with torch.autocast("cpu", enabled=False):
            query, key, value = (x.to(attended_type(x)) for x in (query, key, value))
            found = F.scaled_dot_product_attention(query, key, value, is_causal=causal, dropout_p=dropout)
        return found.to(dtype)
    return F.scaled_dot_product_attention(query, key, value, is_causal=causal, dropout_p=dropout)
