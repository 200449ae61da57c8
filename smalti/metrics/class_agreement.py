"""How often a sample gets the class that it was asked for."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True)
class Agreement:
    """Shares in [0, 1]: ``balanced`` is the mean over classes, ``plain`` the mean over images."""

    balanced: float
    plain: float


class ClassJudge:
    """Logistic regression on standardised features, fitted to train images; classes weigh the same."""

    def __init__(self, features: np.ndarray, labels: np.ndarray) -> None:
        """
        Args:
            features: (M, C).
            labels: (M,) in [0, classes).
        """
        classifier = LogisticRegression(C=0.01, max_iter=300, class_weight="balanced")
        self.pipeline = make_pipeline(StandardScaler(), classifier).fit(features, labels)

    def agreement(self, features: np.ndarray, labels: np.ndarray) -> Agreement:
        """Returns how often ``features`` (M, C) are given their own labels (M,)."""
        right = self.pipeline.predict(features) == labels
        return Agreement(
            balanced=float(np.mean([right[labels == label].mean() for label in np.unique(labels)])),
            plain=float(right.mean()),
        )
