"""Scaled dot-product attention, in the precision that is fast where it runs."""

import torch
from torch import Tensor
from torch.nn import functional as F


def attend(query: Tensor, key: Tensor, value: Tensor, *, causal: bool = False, dropout: float = 0.0) -> Tensor:
    """Returns softmax(q k^T / sqrt d) v for (..., N, d) each (Vaswani et al. 2017, eq. 1).

    On the CPU always in float32: there PyTorch's bfloat16 backward takes several times as long.
    """
    if query.device.type == "cpu":
        dtype = value.dtype
        with torch.autocast("cpu", enabled=False):
            query, key, value = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in (query, key, value))
            found = F.scaled_dot_product_attention(query, key, value, is_causal=causal, dropout_p=dropout)
        return found.to(dtype)
    return F.scaled_dot_product_attention(query, key, value, is_causal=causal, dropout_p=dropout)
