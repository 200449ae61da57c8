"""Soft targets of a classification: label smoothing, and mixing of two samples.

B batch, K classes.
"""

import torch
from torch import Tensor


def soft_targets(labels: Tensor, num_classes: int, smoothing: float) -> Tensor:
    """Returns the probabilities (B, K) that labels (B,) stand for: 1 - s of the label and s / K of every class (Szegedy
    et al. 2016), ``smoothing`` s.

    >>> soft_targets(torch.tensor([1]), 4, 0.2).tolist()
    [[0.05000000074505806, 0.8500000238418579, 0.05000000074505806, 0.05000000074505806]]
    """
    hot = torch.nn.functional.one_hot(labels, num_classes).float()
    return hot * (1 - smoothing) + smoothing / num_classes


def blend(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """Returns share * first + (1 - share) * second, with a ``share`` (B,) for each sample (mixup, Zhang et al. 2018).

    >>> blend(torch.tensor([[0.0, 4.0]]), torch.tensor([[8.0, 0.0]]), torch.tensor([0.25])).tolist()
    [[6.0, 1.0]]
    """
    return second + share.view(-1, *[1] * (first.ndim - 1)) * (first - second)
