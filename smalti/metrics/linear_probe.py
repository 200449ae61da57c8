"""A linear probe: how well features tell the classes apart without any training of a network."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from smalti.metrics.top_k import among_top


def grid_means(vectors: Tensor, cells: int) -> Tensor:
    """Returns the means of vectors (B, D, h, w) over ``cells`` x ``cells`` parts of the grid: (B, D cells^2).

    Where cells don't divide h or w, neighbouring parts overlap by one row or column.

    Raises:
        ValueError: more cells than rows or columns.
    """
    if cells > min(vectors.shape[2:]):
        raise ValueError(f"{cells} x {cells} cells: the grid is {vectors.shape[2]} x {vectors.shape[3]}; give fewer")
    return torch.nn.functional.adaptive_avg_pool2d(vectors, cells).flatten(1)


class LinearProbe:
    """Multinomial logistic regression on standardised features, with an L2 penalty."""

    def __init__(self, features: np.ndarray, labels: np.ndarray, num_classes: int) -> None:
        """
        Args:
            features: (M, C).
            labels: (M,) in [0, num_classes).

        Raises:
            ValueError: all labels are the same.
        """
        found = len(np.unique(labels))
        if found < 2:
            raise ValueError(f"a linear probe of {found} class; images of at least 2 are needed")
        self.num_classes = num_classes
        self.pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300)).fit(features, labels)

    def accuracy(self, features: np.ndarray, labels: np.ndarray, k: int) -> float:
        """Returns the share of ``features`` (M, C) whose label (M,) is among the k likeliest classes. A class that the
        probe hasn't seen is the least likely one."""
        scores = np.full((len(features), self.num_classes), -np.inf)
        scores[:, self.pipeline.classes_] = self.pipeline.predict_log_proba(features)
        return float(among_top(torch.from_numpy(scores), torch.from_numpy(labels), k).double().mean())
