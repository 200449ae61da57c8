"""From logits to one token each."""

import math

import torch
from torch import Tensor


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Returns logits (..., K) with all but the ``k`` highest at minus infinity; k = 0 keeps all."""
    if k <= 0 or k >= logits.shape[-1]:
        return logits
    threshold = logits.topk(k, dim=-1).values[..., -1:]
    return logits.masked_fill(logits < threshold, -math.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """Returns logits with the smallest set of codes whose probability reaches ``p``, the rest at minus infinity
    (nucleus sampling, Holtzman et al. 2020); p = 1 keeps all.

    >>> keep_top_p(torch.tensor([0.5, 0.3, 0.2]).log(), 0.6).isinf().tolist()
    [False, False, True]
    """
    if p >= 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True)
    probability = ordered.softmax(-1)
    outside = probability.cumsum(-1) - probability >= p
    return logits.masked_fill(torch.zeros_like(outside).scatter(-1, order, outside), -math.inf)


def drawable(logits: Tensor) -> Tensor:
    """Returns whether a token can be drawn from every row of logits (..., K): its maximum is finite. bool (), on their
    device.

    Codes that aren't there may have minus infinity; NaN spreads to the maximum.
    """
    return logits.amax(-1).isfinite().all()


def check_drawable(found: Tensor) -> None:
    """Raises ValueError unless ``found``, what ``drawable`` said of all logits of a batch, is true.

    One look a batch: on a GPU each makes the host wait.
    """
    if not found:
        raise ValueError(
            "the prior's logits, guided and divided by the temperature, aren't finite, so no token can be drawn; take "
            "guidance and temperature nearer to 1, or train the prior again"
        )


def draw(logits: Tensor, noise: Tensor) -> Tensor:
    """Returns one index (...,) a row of logits (..., K), by inverting the cumulative distribution at noise (...,)."""
    cumulative = logits.double().softmax(-1).cumsum(-1)
    target = noise.to(cumulative)[..., None] * cumulative[..., -1:]
    return torch.searchsorted(cumulative, target, right=True).squeeze(-1).clamp(max=logits.shape[-1] - 1)
