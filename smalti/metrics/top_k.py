"""Top-k accuracy."""

from torch import Tensor

TOP = (1, 5)  # what is reported; top 5 says nothing of 5 classes or fewer


def among_top(scores: Tensor, labels: Tensor, k: int) -> Tensor:
    """Returns whether each label (B,) is among the k classes of the highest scores (B, K): bool (B,).

    >>> import torch
    >>> among_top(torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]]), torch.tensor([2, 2]), 2).tolist()
    [True, False]
    """
    return (scores.topk(k, dim=1).indices == labels[:, None]).any(1)
