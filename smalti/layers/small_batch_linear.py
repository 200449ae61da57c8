"""Linear layers for a handful of rows at a time, as decoding on a CPU asks for them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS = 32  # beyond, and for a single row, nn.Linear's own product is as fast


class SmallBatchLinear(nn.Module):
    """The same map as the ``nn.Linear`` that it takes its weights from, computed as (W x^T)^T.

    A CPU's product of a few rows with W^T reads the weights against their layout; with W first, it streams them: at
    8 rows of a 768-wide GPT in float32 in about 0.6 of the time (benchmarks/decoding.py). One row in bfloat16 is a
    matrix by a vector, in about 0.7 of the time of nn.Linear's product.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.linear.weight, self.linear.bias
        rows = x.numel() // x.shape[-1]
        if rows == 1 and weight.dtype == torch.bfloat16:
            found = torch.mv(weight, x.flatten())[None]
        elif 1 < rows <= ROWS:
            found = (weight @ x.flatten(0, -2).mT).mT.contiguous()  # laid out as nn.Linear's, which callers view
        else:
            return F.linear(x, weight, bias)
        if bias is not None:
            found = found + bias
        return found.unflatten(0, x.shape[:-1])


def for_small_batches(network: nn.Module) -> nn.Module:
    """Replaces every linear layer inside ``network`` for decoding on a CPU; weights are shared. Returns ``network``."""
    for owner in list(network.modules()):
        for name, child in list(owner.named_children()):
            if type(child) is nn.Linear and not isinstance(owner, SmallBatchLinear):
                setattr(owner, name, SmallBatchLinear(child))
    return network
