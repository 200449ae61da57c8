"""Top-k accuracy."""

import numpy as np
from torch import Tensor

TOP = (1, 5)  # what is reported; top 5 says nothing of 5 classes or fewer


def among_top(scores: Tensor, labels: Tensor, k: int) -> Tensor:
    """Returns whether each label (B,) is among the k classes of the highest scores (B, K): bool (B,).

    >>> import torch
    >>> among_top(torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]]), torch.tensor([2, 2]), 2).tolist()
    [True, False]
    """
    return (scores.topk(k, dim=1).indices == labels[:, None]).any(1)


def frequent_share(train: np.ndarray, val: np.ndarray, k: int) -> float:
    """Returns the share of labels ``val`` (M,) that are among the k classes most frequent in ``train``: the top-k
    accuracy of whoever looks at no image.

    >>> frequent_share(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 2, 2]), 2)
    0.5
    """
    classes, counts = np.unique(train, return_counts=True)
    return float(np.isin(val, classes[np.argsort(-counts, kind="stable")[:k]]).mean())
